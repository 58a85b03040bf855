import { readPhase } from "../engines/phases.ts";
import type { Rung } from "../gate/probe.ts";
import type { RunContext } from "../run-context.ts";
import { rememberStart, usualStartMs } from "./start-times.ts";

export interface Narration {
  /** What is started, the same for the same start: engine, image, model, context. */
  readonly key: string;
  /** Hands over each line of the engine's log until the signal aborts. */
  readonly follow: (onLine: (line: string) => void, signal: AbortSignal) => Promise<unknown>;
}

/** Milliseconds of silence after which a wait says that it still waits, with the time it usually takes. */
const SILENCE_MS = 5000;

/** What is waited for once a rung is behind: from there on the engine's log says nothing of it. */
const AFTER: Readonly<Partial<Record<Rung, string>>> = {
  listed: "first token",
  "first-token": "measuring",
  tools: "measuring",
};

/**
 * Tells what an engine is doing while `work` waits for it: `phase` events out of its log and of the gate, with the time
 * that is left by what the same start took before. When the work succeeds, its time is remembered.
 */
export async function narrated<T>(
  context: RunContext,
  narration: Narration,
  work: (context: RunContext) => Promise<T>,
): Promise<T> {
  const { host, emit } = context;
  const begun = host.clock.monotonic();
  const over = new AbortController();
  const signal = AbortSignal.any([context.signal, over.signal]);
  const usual = await usualStartMs(host, narration.key);
  let last = "start";

  const tell = (phase: string, fraction?: number): void => {
    const elapsedMs = host.clock.monotonic() - begun;
    const leftMs = usual === undefined ? undefined : usual - elapsedMs;
    last = phase;
    emit({
      type: "phase",
      phase,
      elapsedSeconds: Math.round(elapsedMs / 1000),
      ...(fraction === undefined ? {} : { fraction }),
      ...(leftMs === undefined || leftMs < 1000 ? {} : { etaSeconds: Math.round(leftMs / 1000) }),
    });
  };
  const onLine = (line: string): void => {
    const reading = readPhase(line);
    if (reading !== undefined) tell(reading.phase, reading.fraction);
  };
  const beat = async (): Promise<void> => {
    for (;;) {
      await host.clock.sleep(SILENCE_MS, signal);
      tell(last);
    }
  };
  // Both end with the signal; that narration fails must not fail what it tells of.
  const telling = Promise.allSettled([narration.follow(onLine, signal), beat()]);
  try {
    const heard: RunContext["emit"] = (event) => {
      if (event.type === "rung") last = AFTER[event.rung] ?? last;
      emit(event);
    };
    const result = await work({ ...context, emit: heard });
    await rememberStart(context, narration.key, host.clock.monotonic() - begun);
    return result;
  } finally {
    over.abort(new Error("the wait is over"));
    await telling;
  }
}
