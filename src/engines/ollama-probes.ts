import * as z from "zod";
import type { Probe, ProbeAnswer, ProbeVerdict } from "../gate/probe.ts";
import type { EngineInput } from "./engine.ts";
import { readJson } from "../gate/read-json.ts";
import {
  FIRST_MS,
  type FatalWords,
  firstTokenProbe,
  judgeDone,
  listedProbe,
  QUICK_MS,
  versionProbe,
} from "./openai-probes.ts";

/** Loading weights from a cold disk: minutes, not seconds. */
const LOAD_MS = 600_000;

export interface OllamaQuestion extends Pick<EngineInput, "servedName"> {
  /** -1, as unless given, keeps the model loaded; undefined leaves that to the server. */
  readonly keepAlive?: number | undefined;
  /** Cap of one attempt at the first rung, in milliseconds. */
  readonly upMs?: number;
}

/** up → healthy (model loaded, context known) → listed → first token. */
export function ollamaProbes(input: OllamaQuestion): readonly Probe[] {
  const model = input.servedName;
  const keepAlive = "keepAlive" in input ? input.keepAlive : -1;
  return [
    versionProbe({ rung: "up", path: "/api/version", attemptMs: input.upMs ?? FIRST_MS }),
    {
      // No prompt: loads the model and nothing else.
      rung: "healthy",
      request: {
        method: "POST",
        path: "/api/generate",
        body: { model, ...(keepAlive === undefined ? {} : { keep_alive: keepAlive }) },
        read: "whole",
      },
      judge: (answer) => judgeDone(answer, OLLAMA_FATAL),
      attemptMs: LOAD_MS,
    },
    {
      rung: "healthy",
      request: { method: "GET", path: "/api/ps", read: "whole" },
      judge: (answer) => judgeContext(answer, model),
      attemptMs: QUICK_MS,
    },
    listedProbe({
      model,
      title: "Ollama",
      entry: z.object({ id: z.string() }),
      next: "stack models verify",
    }),
    firstTokenProbe(model, OLLAMA_FATAL),
  ];
}

function judgeContext(answer: ProbeAnswer, model: string): ProbeVerdict {
  const context = answer.status === 200 ? readContext(answer.text, model) : undefined;
  // Versions before 0.12 load without telling the length; then what was asked for stands.
  return context === undefined ? { kind: "ok" } : { kind: "ok", facts: { contextLength: context } };
}

const psSchema = z.object({
  models: z
    .array(z.object({ name: z.string(), context_length: z.int().positive().optional() }))
    .nullable(),
});

/** The context length, in tokens, that `GET /api/ps` reports for a loaded model: the true one, capped at what it was trained for. */
export function readContext(text: string, model: string): number | undefined {
  return readJson(text, psSchema)?.models?.find(({ name }) => name === model)?.context_length;
}

/** Causes that no second attempt cures, by Ollama's own words (server/sched.go, llm/server.go, server/routes.go). */
export const OLLAMA_FATAL: FatalWords = [
  [
    /requires more system memory|not enough memory|unable to allocate/i,
    "stack up --context <less>",
  ],
  [/model .*not found/i, "stack models verify"],
  [/permission denied/i, "stack doctor"],
  [
    /unsupported model|unknown model architecture|unable to load model|failed to load model|invalid (file )?magic/i,
    "stack up --model <another>",
  ],
  [/runner (process )?(has )?(unexpectedly stopped|terminated|no longer running)/i, "stack logs"],
  [/does not support (chat|generate)/i, "stack up --model <another>"],
];
