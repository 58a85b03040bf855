import * as z from "zod";
import type { Probe, ProbeAnswer, ProbeVerdict } from "../gate/probe.ts";
import type { EngineInput, ProcessEngine } from "./engine.ts";
import { readJson } from "../gate/read-json.ts";
import { firstTokenProbe, listedProbe, notYet, QUICK_MS } from "./openai-probes.ts";

/** llama.cpp in a background process of ours. Its API is defined in `src/embedded`. */
export const embedded: ProcessEngine = {
  kind: "process",
  name: "embedded",
  title: "Embedded engine (llama.cpp)",
  probes,
  // It renders tools itself where a model's own template does not.
  takesTools: () => true,
};

/** up (the socket is open) → healthy (weights loaded) → listed, with the true context → first token. */
function probes({ servedName: model }: EngineInput): readonly Probe[] {
  const health = { method: "GET", path: "/health", read: "whole" } as const;
  return [
    { rung: "up", request: health, judge: judgeUp, attemptMs: QUICK_MS },
    { rung: "healthy", request: health, judge: judgeHealthy, attemptMs: QUICK_MS },
    listedProbe({
      model,
      title: "the engine",
      entry: z.object({ id: z.string(), context_length: z.int().positive() }),
      contextOf: (found) => found.context_length,
    }),
    firstTokenProbe(model, []),
  ];
}

const healthSchema = z.object({ status: z.string(), progress: z.number().optional() });

function judgeUp(answer: ProbeAnswer): ProbeVerdict {
  return readJson(answer.text, healthSchema) === undefined ? notYet(answer) : { kind: "ok" };
}

function judgeHealthy(answer: ProbeAnswer): ProbeVerdict {
  const health = readJson(answer.text, healthSchema);
  if (health === undefined) return notYet(answer);
  if (answer.status === 200 && health.status === "ok") return { kind: "ok" };
  if (health.progress === undefined) return { kind: "wait", why: health.status };
  return { kind: "wait", why: `weights ${Math.floor(health.progress * 100)} %` };
}
