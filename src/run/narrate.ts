import { readPhase } from "../engines/phases.ts";
import type { RunContext } from "../run-context.ts";
import { rememberStart, usualStartMs } from "./start-times.ts";

export interface Narration {
  /** What is started, the same for the same start: engine, image, model, context. Undefined for a wait that is none. */
  readonly start: string | undefined;
  /** Hands over each line of the engine's log until the signal aborts. */
  readonly follow: (onLine: (line: string) => void, signal: AbortSignal) => Promise<unknown>;
}

/** Milliseconds of silence after which a wait says that it still waits, with the time it usually takes. */
const SILENCE_MS = 5000;

/** Told what is waited for from now on, and for how many milliseconds, where that is known. */
export type Doing = (phase: string, expectedMs?: number) => void;

/**
 * Tells what an engine is doing while `work` waits for it: `phase` events out of its log and of what `work` says, with the time
 * that is left by its estimate, or by what the same start took before. When the work succeeds, its time is remembered.
 */
export async function narrated<T>(
  context: RunContext,
  narration: Narration,
  work: (doing: Doing) => Promise<T>,
): Promise<T> {
  const { host, emit } = context;
  const begun = host.clock.monotonic();
  const over = new AbortController();
  const signal = AbortSignal.any([context.signal, over.signal]);
  const { start } = narration;
  const usual = start === undefined ? undefined : await usualStartMs(host, start);
  let last = "start";
  /** When that is over, by `begun`. */
  let due: number | undefined;

  const tell = (phase: string, fraction?: number): void => {
    const elapsedMs = host.clock.monotonic() - begun;
    const end = due ?? usual;
    const leftMs = end === undefined ? undefined : end - elapsedMs;
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
    const result = await work((phase, expectedMs) => {
      last = phase;
      due = expectedMs === undefined ? undefined : host.clock.monotonic() - begun + expectedMs;
      // A wait of its own is told before it begins, others only when they have lasted.
      if (expectedMs !== undefined && expectedMs > SILENCE_MS) tell(phase);
    });
    if (start !== undefined) {
      const tookMs = host.clock.monotonic() - begun;
      // An estimate less, the next time.
      await rememberStart(context, start, tookMs).catch(() => context.signal.throwIfAborted());
    }
    return result;
  } finally {
    over.abort(new Error("the wait is over"));
    await telling;
  }
}
