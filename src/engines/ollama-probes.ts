import * as z from "zod";
import type { Probe, ProbeAnswer, ProbeVerdict } from "../gate/probe.ts";
import type { EngineInput } from "./engine.ts";

/** The first packets to a port that was published a moment ago can get lost; the next attempt comes through at once. */
const FIRST_MS = 100;
/** A question that the engine answers from memory. */
const QUICK_MS = 1000;
/** Loading weights from a cold disk and the first token of a large model on a CPU: minutes, not seconds. */
const LOAD_MS = 600_000;

/** up → healthy (model loaded, context known) → listed → first token. `keepAlive` of -1 keeps it loaded; undefined leaves that to the server. */
export function ollamaProbes(
  input: Pick<EngineInput, "servedName"> & { readonly keepAlive?: number | undefined },
): readonly Probe[] {
  const model = input.servedName;
  const keepAlive = "keepAlive" in input ? input.keepAlive : -1;
  return [
    {
      rung: "up",
      request: { method: "GET", path: "/api/version", read: "whole" },
      judge: judgeUp,
      attemptMs: FIRST_MS,
    },
    {
      // No prompt: loads the model and nothing else.
      rung: "healthy",
      request: {
        method: "POST",
        path: "/api/generate",
        body: { model, ...(keepAlive === undefined ? {} : { keep_alive: keepAlive }) },
        read: "whole",
      },
      judge: judgeLoaded,
      attemptMs: LOAD_MS,
    },
    {
      rung: "healthy",
      request: { method: "GET", path: "/api/ps", read: "whole" },
      judge: (answer) => judgeContext(answer, model),
      attemptMs: QUICK_MS * 5,
    },
    {
      rung: "listed",
      request: { method: "GET", path: "/v1/models", read: "whole" },
      judge: (answer) => judgeListed(answer, model),
      attemptMs: QUICK_MS * 5,
    },
    {
      rung: "first-token",
      request: {
        method: "POST",
        path: "/v1/chat/completions",
        body: { model, stream: true, max_tokens: 1, messages: [{ role: "user", content: "Hi" }] },
        read: "first-event",
      },
      judge: judgeLoaded,
      attemptMs: LOAD_MS,
    },
  ];
}

const versionSchema = z.object({ version: z.string() });

function judgeUp(answer: ProbeAnswer): ProbeVerdict {
  const version = read(answer, versionSchema);
  if (version === undefined) return notYet(answer);
  return { kind: "ok", facts: { engineVersion: version.version } };
}

const modelsSchema = z.object({ data: z.array(z.object({ id: z.string() })).nullable() });

function judgeListed(answer: ProbeAnswer, model: string): ProbeVerdict {
  const list = read(answer, modelsSchema);
  if (list === undefined) return notYet(answer);
  const ids = (list.data ?? []).map(({ id }) => id);
  if (ids.includes(model)) return { kind: "ok" };
  return {
    kind: "fatal",
    why: `Ollama does not see the model ${model} in its store (it sees: ${ids.join(", ") || "none"})`,
    next: "stack models verify",
  };
}

function judgeLoaded(answer: ProbeAnswer): ProbeVerdict {
  return answer.status === 200 && !answer.text.includes('"error"')
    ? { kind: "ok" }
    : judgeOllamaError(answer);
}

function judgeContext(answer: ProbeAnswer, model: string): ProbeVerdict {
  const context = answer.status === 200 ? readContext(answer.text, model) : undefined;
  // Versions before 0.12 load without telling the length; then what was asked for stands.
  return context === undefined
    ? { kind: "ok" }
    : { kind: "ok", facts: { context_length: context } };
}

const psSchema = z.object({
  models: z
    .array(z.object({ name: z.string(), context_length: z.int().positive().optional() }))
    .nullable(),
});

/** The context length, in tokens, that `GET /api/ps` reports for a loaded model: the true one, capped at what it was trained for. */
export function readContext(text: string, model: string): number | undefined {
  const parsed = read({ status: 200, text }, psSchema);
  return parsed?.models?.find(({ name }) => name === model)?.context_length;
}

/** Causes that no second attempt cures, by Ollama's own words (server/sched.go, llm/server.go, server/routes.go). */
const FATAL: readonly (readonly [RegExp, string | undefined])[] = [
  [
    /requires more system memory|not enough memory|unable to allocate/i,
    "Choose a smaller model or context (`--context`), or allow more memory (`--memory`).",
  ],
  [/model .*not found/i, "stack models verify"],
  [/permission denied/i, "Make the store readable for the engine: stack doctor"],
  [
    /unsupported model|unknown model architecture|unable to load model|failed to load model|invalid (file )?magic/i,
    "Choose another model, or a newer image with `--image`.",
  ],
  [/runner (process )?(has )?(unexpectedly stopped|terminated|no longer running)/i, "stack logs"],
  [/does not support (chat|generate)/i, "Choose a model that can chat."],
];

/** What an error of Ollama means for whoever waits. */
export function judgeOllamaError(answer: ProbeAnswer): ProbeVerdict {
  const words = errorWords(answer.text);
  const known = FATAL.find(([pattern]) => pattern.test(words));
  if (known === undefined) return notYet(answer);
  const [, next] = known;
  return { kind: "fatal", why: words, ...(next === undefined ? {} : { next }) };
}

const errorSchema = z.object({
  error: z.union([z.string(), z.object({ message: z.string() })]),
});

/** `{"error":"…"}` of the native API, `{"error":{"message":"…"}}` of `/v1` and of the gateway, or the text itself. */
function errorWords(text: string): string {
  const body = read({ status: 200, text: text.replace(/^data: /, "") }, errorSchema);
  if (body === undefined) return text.trim();
  return typeof body.error === "string" ? body.error : body.error.message;
}

function notYet(answer: ProbeAnswer): ProbeVerdict {
  return { kind: "wait", why: `HTTP ${answer.status}: ${errorWords(answer.text).slice(0, 200)}` };
}

function read<Schema extends z.ZodType>(
  answer: ProbeAnswer,
  schema: Schema,
): z.infer<Schema> | undefined {
  if (answer.status !== 200) return undefined;
  try {
    const parsed = schema.safeParse(JSON.parse(answer.text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
