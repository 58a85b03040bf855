import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { answerChat, chatSchema, countTokens, sendJson } from "./fake-chat.ts";

/** How an OpenAI-compatible server differs from the one in the books. */
export interface Quirks {
  readonly models?: readonly string[];
  /** Tokens that a conversation may have in truth. */
  readonly window?: number;
  /** Fields of an entry of `/v1/models`, such as `max_model_len`. */
  readonly entry?: Readonly<Record<string, unknown>>;
  /** `missing`: 404. `page`: a web page with status 200. */
  readonly list?: "good" | "missing" | "page";
  /** `vllm`, `llama`, `silent`: the words of a refusal, or none. `cut`: no refusal. `half`: as Ollama, half is left. */
  readonly overflow?: "vllm" | "llama" | "silent" | "cut" | "half";
  /** A prompt of more than `above` tokens is answered with this: a crash, a proxy that gives up. */
  readonly fails?: { readonly above: number; readonly status: number; readonly message: string };
  /** `refused`: 400, as vLLM without its flags. `dropped`: the template has no place for them. `ignored`: a forced call is text. `busy`: the first forced call is a 503. */
  readonly tools?: "good" | "refused" | "dropped" | "ignored" | "busy";
  /** Milliseconds before every answer: a network between. */
  readonly farMs?: number;
  /** Milliseconds before the first answer of all. */
  readonly coldMs?: number;
  /** Milliseconds per 1000 tokens of the prompt. */
  readonly readMs?: number;
  /** Milliseconds more per pair of 1000 tokens, for all pairs of the prompt: attention. */
  readonly pairMs?: number;
  readonly countsTokens?: boolean;
  readonly key?: string;
  /** The list is for everybody: only chats ask for the key. */
  readonly listIsPublic?: boolean;
  /** Status of a page of a proxy in place of every answer. */
  readonly page?: number;
  /** Below which `/v1` lies. */
  readonly prefix?: string;
  /** Other paths that answer with JSON. */
  readonly others?: Readonly<Record<string, unknown>>;
}

export interface FakeServer extends AsyncDisposable {
  readonly origin: string;
  readonly quirks: Quirks;
  /** `METHOD path`, and for chats the tokens of the prompt. */
  readonly seen: readonly string[];
  /** Another server at the same address from now on. */
  become(quirks: Quirks): void;
}

const PAGE =
  "<!doctype html><html><head><title>502 Bad Gateway</title></head><body>…</body></html>";

/** Runs what it is given one after the other. */
type Slot = (work: () => Promise<void>) => Promise<void>;

function oneSlot(): Slot {
  let last: Promise<void> = Promise.resolve();
  return (work) => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };
}

/**
 * An OpenAI-compatible server with quirks. A token is a word. It has one slot: whoever comes while a prompt is read, or was
 * given up and is still read, waits, for a refusal too.
 */
export async function fakeServer(first: Quirks = {}): Promise<FakeServer> {
  let quirks = first;
  const seen: string[] = [];
  const slot = oneSlot();
  const server = createServer((request, response) => {
    route({ quirks, seen, slot }, request, response).catch((error: unknown) => {
      sendJson(response, 400, { error: { message: String(error) } });
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get quirks() {
      return quirks;
    },
    seen,
    become: (next) => {
      quirks = next;
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

interface State {
  readonly quirks: Quirks;
  readonly seen: string[];
  readonly slot: Slot;
}

async function route(
  { quirks, seen, slot }: State,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { models = ["m"], list = "good", key, prefix = "" } = quirks;
  const url = request.url ?? "";
  const what = `${request.method} ${url.startsWith(prefix) ? url.slice(prefix.length) : `outside ${url}`}`;
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  await delay(quirks.farMs ?? 0);
  const other = quirks.others?.[what];
  if (what !== "POST /v1/chat/completions") seen.push(what);
  if (quirks.page !== undefined || (what === "GET /v1/models" && list === "page")) {
    sendPage(response, quirks.page ?? 200);
  } else if (
    key !== undefined &&
    request.headers.authorization !== `Bearer ${key}` &&
    !(quirks.listIsPublic === true && what === "GET /v1/models")
  ) {
    sendJson(response, 401, { error: { message: "Incorrect API key", code: "invalid_api_key" } });
  } else if (what === "GET /v1/models" && list === "good") {
    const data = models.map((id) => ({ id, object: "model", ...quirks.entry }));
    sendJson(response, 200, { object: "list", data });
  } else if (what === "POST /v1/chat/completions") {
    await slot(() => chat(quirks, seen, Buffer.concat(parts).toString("utf8"), response));
  } else if (other !== undefined) {
    sendJson(response, 200, other);
  } else {
    sendJson(response, 404, { detail: "Not Found" });
  }
}

async function chat(
  quirks: Quirks,
  seen: string[],
  text: string,
  response: ServerResponse,
): Promise<void> {
  const { window = 8192, overflow = "vllm", tools = "good", countsTokens = true } = quirks;
  const body = chatSchema.parse(JSON.parse(text));
  const tokens = countTokens(body, tools !== "dropped");
  seen.push(`chat ${tokens}`);
  if (!(quirks.models ?? ["m"]).includes(body.model)) {
    sendJson(response, 404, { error: { message: `The model ${body.model} does not exist.` } });
    return;
  }
  if (tools === "refused" && body.tools !== undefined) {
    const message =
      '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set';
    sendJson(response, 400, { object: "error", message, type: "BadRequestError", code: 400 });
    return;
  }
  if (tools === "busy" && typeof body.tool_choice === "object" && !seen.includes("busy")) {
    seen.push("busy");
    sendJson(response, 503, { error: { message: "Try again later." } });
    return;
  }
  const { fails } = quirks;
  if (fails !== undefined && tokens > fails.above) {
    sendJson(response, fails.status, { error: { message: fails.message } });
    return;
  }
  const over = tokens + body.max_tokens > window;
  if (over && overflow !== "cut" && overflow !== "half") {
    sendJson(response, 400, { error: { message: WORDS[overflow](window, tokens), code: 400 } });
    return;
  }
  const left = overflow === "half" ? Math.floor(window / 2) : window;
  const read = over ? left : tokens;
  const attention = (quirks.pairMs ?? 0) * (read / 1000) ** 2;
  const cold = seen.filter((line) => line.startsWith("chat ")).length === 1;
  await delay(cold ? (quirks.coldMs ?? 0) : 0);
  await delay(((quirks.readMs ?? 0) * read) / 1000 + attention);
  const answered = tools === "ignored" ? { ...body, tool_choice: "auto" } : body;
  answerChat(response, answered, countsTokens ? read : 0);
}

const WORDS: Readonly<
  Record<"vllm" | "llama" | "silent", (window: number, tokens: number) => string>
> = {
  vllm: (window, tokens) =>
    `This model's maximum context length is ${window} tokens. However, your request has ${tokens} input tokens.`,
  llama: (window, tokens) =>
    `request (${tokens} tokens) exceeds the available context size (${window} tokens), try increasing it`,
  silent: () => "Bad request.",
};

function sendPage(response: ServerResponse, status: number): void {
  response.writeHead(status, { "content-type": "text/html" });
  response.end(PAGE);
}
