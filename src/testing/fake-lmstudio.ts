import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import * as z from "zod";
import { answerChat, chatSchema, countTokens, sendJson } from "./fake-chat.ts";

/** What LM Studio loads a model with when nobody says how long. */
const DEFAULT_CONTEXT = 4096;

export interface FakeModel {
  readonly key: string;
  readonly type?: "llm" | "vlm" | "embeddings";
  readonly maximum: number;
}

interface Instance {
  readonly id: string;
  readonly key: string;
  context: number;
  loading: boolean;
}

export interface FakeLmstudio extends AsyncDisposable {
  readonly origin: string;
  /** Loaded now: id and context. */
  loaded(): Readonly<Record<string, number>>;
  /** `METHOD path` of everything, with the body of what changes something. */
  readonly seen: readonly string[];
  /** As the app does it: loads under the model's own name. */
  load(key: string, context: number): void;
  unload(id: string): void;
  /** A load that somebody else has begun; ends when told. */
  beginLoading(key: string, context: number): () => void;
}

export interface FakeLmstudioOptions {
  readonly models: readonly FakeModel[];
  /** Most tokens of context that there is memory for. */
  readonly fits?: number;
  /** Most tokens of context that it loads a model with, whatever is asked for, calling that a success: its guardrail. */
  readonly gives?: number;
  /** Whether its list says how much context a model is loaded with. */
  readonly tellsContext?: boolean;
  /** Which of its own APIs it has: versions before 0.4.0 have no v1, before 0.3.6 neither. */
  readonly apis?: "v0 and v1" | "v0" | "none";
  /** Milliseconds that a load takes. */
  readonly loadMs?: number;
  readonly token?: string;
  readonly port?: number;
}

const loadSchema = z.strictObject({
  model: z.string(),
  context_length: z.int().positive().optional(),
  echo_load_config: z.boolean().optional(),
});
const unloadSchema = z.strictObject({ instance_id: z.string() });

/**
 * LM Studio's server by its documentation and what was seen of it: a load always makes another instance (`key:2`), bodies
 * with unknown keys are 400, unknown paths are 200 with an error, a request for a model that is not loaded loads it (JIT)
 * with 4096 tokens, a load that is given less context than was asked for is a success, v1's `loaded_instances` is empty although models are loaded, and a prompt that is too long is a 400.
 */
export async function fakeLmstudio(options: FakeLmstudioOptions): Promise<FakeLmstudio> {
  const { models, apis = "v0 and v1", loadMs = 0, token } = options;
  const { fits = Infinity, gives = Infinity, tellsContext = true } = options;
  const instances: Instance[] = [];
  const seen: string[] = [];

  const add = (key: string, context: number): Instance => {
    const taken = instances.filter((each) => each.key === key).length;
    const maximum = models.find((model) => model.key === key)?.maximum ?? context;
    const id = taken === 0 ? key : `${key}:${taken + 1}`;
    const instance = { id, key, context: Math.min(context, maximum), loading: false };
    instances.push(instance);
    return instance;
  };

  const v0 = (): readonly object[] =>
    models.flatMap(({ key, type = "llm", maximum }) => {
      const common = { object: "model", type, publisher: "test", max_context_length: maximum };
      const own = instances.filter((each) => each.key === key);
      if (own.length === 0) return [{ id: key, ...common, state: "not-loaded" }];
      return own.map(({ id, context, loading }) => ({
        id,
        ...common,
        state: loading ? "loading" : "loaded",
        ...(loading || !tellsContext ? {} : { loaded_context_length: context }),
      }));
    });

  const load = async (response: ServerResponse, body: unknown): Promise<void> => {
    const wanted = loadSchema.safeParse(body);
    if (!wanted.success) {
      sendJson(response, 400, { error: { message: "unrecognized_keys", type: "invalid_request" } });
      return;
    }
    const { model, context_length: context = DEFAULT_CONTEXT } = wanted.data;
    if (!models.some(({ key }) => key === model)) {
      sendJson(response, 404, { error: { message: `Model not found: ${model}` } });
      return;
    }
    if (context > fits) {
      const message = "Failed to load model: insufficient system resources";
      sendJson(response, 500, { error: { message, type: "model_load_failed" } });
      return;
    }
    const instance = add(model, Math.min(context, gives));
    instance.loading = true;
    await new Promise((resolve) => {
      setTimeout(resolve, loadMs);
    });
    instance.loading = false;
    sendJson(response, 200, {
      type: "llm",
      instance_id: instance.id,
      load_time_seconds: loadMs / 1000,
      status: "loaded",
      load_config: { context_length: instance.context },
    });
  };

  const drop = (id: string): boolean => {
    const index = instances.findIndex((each) => each.id === id);
    if (index >= 0) instances.splice(index, 1);
    return index >= 0;
  };

  const unload = (response: ServerResponse, body: unknown): void => {
    const { instance_id: id } = unloadSchema.parse(body);
    if (!drop(id)) {
      sendJson(response, 404, { error: { message: `Model instance not found: ${id}` } });
      return;
    }
    sendJson(response, 200, { instance_id: id });
  };

  const chat = (response: ServerResponse, raw: unknown): void => {
    const body = chatSchema.parse(raw);
    const known = models.some(({ key }) => key === body.model);
    const instance =
      instances.find(({ id }) => id === body.model) ??
      (known ? add(body.model, DEFAULT_CONTEXT) : undefined);
    if (instance === undefined) {
      sendJson(response, 404, { error: { message: `Model not found: ${body.model}` } });
      return;
    }
    const tokens = countTokens(body);
    if (tokens >= instance.context) {
      const error = `Cannot truncate prompt with n_keep (${tokens}) >= n_ctx (${instance.context})`;
      sendJson(response, 400, { error });
      return;
    }
    answerChat(response, body, tokens);
  };

  const route = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = request.url ?? "";
    const what = `${request.method} ${path}`;
    const text = await readAll(request);
    const body: unknown = text === "" ? undefined : JSON.parse(text);
    seen.push(path.endsWith("load") ? `${what} ${text}` : what);
    if (token !== undefined && request.headers.authorization !== `Bearer ${token}`) {
      sendJson(response, 401, { error: { message: "Malformed LM Studio API token provided" } });
      return;
    }
    if (what === "GET /v1/models") {
      const data = v0().map((each) => ({ id: (each as { id: string }).id, object: "model" }));
      sendJson(response, 200, { object: "list", data });
    } else if (what === "POST /v1/chat/completions") {
      chat(response, body);
    } else if (what === "GET /api/v0/models" && apis !== "none") {
      sendJson(response, 200, { object: "list", data: v0() });
    } else if (what === "GET /api/v1/models" && apis === "v0 and v1") {
      const list = models.map(({ key, type = "llm", maximum }) => ({
        key,
        type: type === "embeddings" ? "embedding" : "llm",
        max_context_length: maximum,
        loaded_instances: [],
      }));
      sendJson(response, 200, { models: list });
    } else if (what === "POST /api/v1/models/load" && apis === "v0 and v1") {
      await load(response, body);
    } else if (what === "POST /api/v1/models/unload" && apis === "v0 and v1") {
      unload(response, body);
    } else {
      sendJson(response, 200, { error: `Unexpected endpoint or method. (${what})` });
    }
  };

  const server = createServer((request, response) => {
    route(request, response).catch((error: unknown) => {
      sendJson(response, 500, { error: { message: String(error) } });
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    loaded: () => Object.fromEntries(instances.map(({ id, context }) => [id, context])),
    seen,
    load: (key, context) => {
      add(key, context);
    },
    unload: drop,
    beginLoading: (key, context) => {
      const instance = add(key, context);
      instance.loading = true;
      return () => {
        instance.loading = false;
      };
    },
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => {
          resolve();
        });
      }),
  };
}

async function readAll(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString("utf8");
}
