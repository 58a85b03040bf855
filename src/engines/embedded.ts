import * as z from "zod";
import type { Probe, ProbeAnswer, ProbeVerdict } from "../gate/probe.ts";
import type { EngineInput, ProcessEngine } from "./engine.ts";

/** The server answers these from memory, also while it loads. */
const QUICK_MS = 1000;
/** The first token of a large model on a CPU. */
const FIRST_TOKEN_MS = 600_000;

/** llama.cpp in a background process of ours. Its API is defined in `src/embedded`. */
export const embedded: ProcessEngine = {
  kind: "process",
  name: "embedded",
  title: "Embedded engine (llama.cpp)",
  probes,
};

/** up (the socket is open) → healthy (weights loaded) → listed, with the true context → first token. */
function probes({ servedName: model }: EngineInput): readonly Probe[] {
  const health = { method: "GET", path: "/health", read: "whole" } as const;
  return [
    { rung: "up", request: health, judge: judgeUp, attemptMs: QUICK_MS },
    { rung: "healthy", request: health, judge: judgeHealthy, attemptMs: QUICK_MS },
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
      judge: judgeFirstToken,
      attemptMs: FIRST_TOKEN_MS,
    },
  ];
}

const healthSchema = z.object({ status: z.string(), progress: z.number().optional() });

function judgeUp(answer: ProbeAnswer): ProbeVerdict {
  return read(answer.text, healthSchema) === undefined ? notOurs(answer) : { kind: "ok" };
}

function judgeHealthy(answer: ProbeAnswer): ProbeVerdict {
  const health = read(answer.text, healthSchema);
  if (health === undefined) return notOurs(answer);
  if (answer.status === 200 && health.status === "ok") return { kind: "ok" };
  if (health.progress === undefined) return { kind: "wait", why: health.status };
  return { kind: "wait", why: `weights ${Math.floor(health.progress * 100)} %` };
}

const modelsSchema = z.object({
  data: z.array(z.object({ id: z.string(), context_length: z.int().positive() })),
});

function judgeListed(answer: ProbeAnswer, model: string): ProbeVerdict {
  if (answer.status !== 200) return refused(answer);
  const served = read(answer.text, modelsSchema)?.data.find(({ id }) => id === model);
  if (served === undefined) {
    return { kind: "fatal", why: `the engine serves another model than ${model}` };
  }
  return { kind: "ok", facts: { context_length: served.context_length } };
}

function judgeFirstToken(answer: ProbeAnswer): ProbeVerdict {
  return answer.status === 200 && !answer.text.includes('"error"')
    ? { kind: "ok" }
    : refused(answer);
}

/** 401: another server has the port, or the key file was changed; no waiting helps. Anything else may pass. */
function refused(answer: ProbeAnswer): ProbeVerdict {
  const why = `HTTP ${answer.status}: ${answer.text.slice(0, 200)}`;
  return answer.status === 401 || answer.status === 404
    ? { kind: "fatal", why, next: "stack restart" }
    : { kind: "wait", why };
}

function notOurs(answer: ProbeAnswer): ProbeVerdict {
  return { kind: "wait", why: `HTTP ${answer.status} from something that is not the engine` };
}

function read<Schema extends z.ZodType>(text: string, schema: Schema): z.infer<Schema> | undefined {
  try {
    const parsed = schema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
