import * as z from "zod";
import type { Probe, ProbeAnswer, ProbeVerdict } from "../gate/probe.ts";
import type { EngineInput } from "./engine.ts";
import { readJson } from "../gate/read-json.ts";
import {
  FIRST_MS,
  type FatalWords,
  firstTokenProbe,
  judgeError,
  listedProbe,
  notYet,
  QUICK_MS,
} from "./openai-probes.ts";

/** up (the server listens) → healthy (weights loaded, the true context known) → listed → first token. */
export function llamacppProbes({ servedName: model }: EngineInput): readonly Probe[] {
  const health = { method: "GET", path: "/health", read: "whole" } as const;
  return [
    { rung: "up", request: health, judge: judgeUp, attemptMs: FIRST_MS },
    { rung: "healthy", request: health, judge: judgeHealthy, attemptMs: QUICK_MS },
    {
      rung: "healthy",
      request: { method: "GET", path: "/props", read: "whole" },
      judge: judgeProps,
      attemptMs: QUICK_MS,
    },
    listedProbe({ model, title: "llama-server", entry: z.object({ id: z.string() }) }),
    firstTokenProbe(model, FATAL),
  ];
}

/** Causes that no second attempt cures, by llama-server's own words (tools/server/server-context.cpp). */
const FATAL: FatalWords = [
  [/chat template|jinja/i, "stack up --model <another>"],
  [/exceeds the available context/i, "stack up --context <more>"],
];

const healthSchema = z.union([
  z.object({ status: z.literal("ok") }),
  // While weights are read; our gateway's own 503 has a word for its code.
  z.object({ error: z.object({ code: z.literal(503), message: z.string() }) }),
]);

function judgeUp(answer: ProbeAnswer): ProbeVerdict {
  return readJson(answer.text, healthSchema) === undefined ? notYet(answer) : { kind: "ok" };
}

function judgeHealthy(answer: ProbeAnswer): ProbeVerdict {
  const health = readJson(answer.text, healthSchema);
  return answer.status === 200 && health !== undefined && "status" in health
    ? { kind: "ok" }
    : judgeError(answer, FATAL);
}

const propsSchema = z.object({
  default_generation_settings: z.object({ n_ctx: z.int().positive() }),
  total_slots: z.int().positive().optional(),
  build_info: z.string().optional(),
});

function judgeProps(answer: ProbeAnswer): ProbeVerdict {
  const props = answer.status === 200 ? readJson(answer.text, propsSchema) : undefined;
  if (props === undefined) return notYet(answer);
  const { default_generation_settings: settings, total_slots: slots, build_info: build } = props;
  return {
    kind: "ok",
    facts: {
      contextLength: settings.n_ctx,
      ...(slots === undefined ? {} : { parallel: slots }),
      ...(build === undefined ? {} : { engineVersion: build }),
    },
  };
}
