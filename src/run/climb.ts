import type { Endpoint } from "../endpoint.ts";
import type { ContainerEngine, EngineInput, ProcessEngine } from "../engines/engine.ts";
import { findings } from "../gate/findings.ts";
import { ladder } from "../gate/ladder.ts";
import { type GateOptions, runGate } from "../gate/run-gate.ts";
import type { StoredModel } from "../models/model.ts";
import type { Settings } from "../plan/settings.ts";
import { templateWarnings } from "../plan/template-warning.ts";
import type { RunContext } from "../run-context.ts";
import { knownCause } from "./engine-failure.ts";
import { narrated, type Narration } from "./narrate.ts";
import { type LogWatch, watchLog } from "./watch-log.ts";

export interface Climb extends Pick<GateOptions, "watch" | "tail" | "heed"> {
  readonly settings: Pick<Settings, "name" | "ready" | "parallel" | "timeout">;
  readonly engine: ContainerEngine | ProcessEngine;
  readonly input: EngineInput & { readonly model: StoredModel };
  /** Canonical reference of the model. */
  readonly reference: string;
  readonly port: number;
  readonly apiKey: string;
  /** What makes two starts take the same time, beside engine, model and window. */
  readonly startKey: readonly (string | undefined)[];
  /** The engine's log. */
  readonly follow: Narration["follow"];
  readonly outOfMemory?: LogWatch["outOfMemory"];
  /** What is known to tell before the gate was climbed. */
  readonly warnings: readonly string[];
}

/** Waits for an engine that was started, telling what it does, until it can answer as far as the settings ask. */
export async function climb(context: RunContext, what: Climb): Promise<Endpoint> {
  const { settings, engine, input, port, apiKey } = what;
  const { ready, parallel } = settings;
  const { model, servedName, context: window } = input;
  const probes = ladder(engine.probes(input), ready, { model: servedName, window });
  const key = [engine.name, model.weights.digest, window, parallel, ready, ...what.startKey];
  const facts = await narrated(context, { key: key.join(" "), follow: what.follow }, (doing) =>
    runGate(context, probes, {
      doing,
      origin: `http://127.0.0.1:${port}`,
      apiKey,
      timeoutMs: settings.timeout * 1000,
      watch: (signal) =>
        Promise.race([
          what.watch(signal),
          watchLog(context, { engine, follow: what.follow, outOfMemory: what.outOfMemory }, signal),
        ]),
      tail: what.tail,
      explain: async (lines) =>
        knownCause({ lines, outOfMemory: (await what.outOfMemory?.()) ?? false }),
      ...(what.heed === undefined ? {} : { heed: what.heed }),
    }),
  );
  const seen = findings(facts, { ready, window, parallel, truncates: engine.truncates });
  // What the engine said of itself goes before what it was told.
  const { contextWindow } = seen;
  return {
    name: settings.name,
    engine: engine.name,
    apiBase: `http://127.0.0.1:${port}/v1`,
    apiKey,
    model: servedName,
    reference: what.reference,
    contextWindow,
    maxOutputTokens: Math.max(1, Math.min(input.maxOutputTokens, Math.floor(contextWindow / 4))),
    tools: engine.takesTools(model) && seen.tools !== false,
    measured: seen.measured,
    warnings: [...templateWarnings(model), ...what.warnings, ...seen.warnings],
  };
}
