import type { Endpoint } from "../endpoint.ts";
import type { ContainerEngine, EngineInput, ProcessEngine } from "../engines/engine.ts";
import { namesTemplate } from "../engines/without-template.ts";
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
  /** What makes two starts take the same time, beside engine, model and window. Undefined where the engine ran already: that is no start. */
  readonly startKey: readonly (string | undefined)[] | undefined;
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
  const { startKey, follow } = what;
  const start =
    startKey && [engine.name, model.weights.digest, window, parallel, ready, ...startKey].join(" ");
  const facts = await narrated(context, { start, follow }, (doing) =>
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
  // Where a server does not count, whether tools were part of the prompt was not seen.
  const { accepted = true, rendered = engine.takesTools(model) } = seen.measured.tools ?? {};
  return {
    name: settings.name,
    engine: engine.name,
    apiBase: `http://127.0.0.1:${port}/v1`,
    apiKey,
    model: servedName,
    reference: what.reference,
    contextWindow,
    maxOutputTokens: Math.max(1, Math.min(input.maxOutputTokens, Math.floor(contextWindow / 4))),
    tools: accepted && rendered,
    measured: seen.measured,
    warnings: [
      ...(namesTemplate(input.extraArgs) ? [] : templateWarnings(model)),
      ...what.warnings,
      ...seen.warnings,
    ],
  };
}
