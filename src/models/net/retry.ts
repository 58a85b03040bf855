import type { RunContext } from "../../run-context.ts";
import { diagnose, unavailable, type Trouble } from "./trouble.ts";

/** Attempts in a row that got nowhere before giving up: less than a minute, or a second, of waiting in all. */
const ATTEMPTS = { soon: 9, briefly: 3, never: 1 } as const;
const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 20_000;
/** A server may ask for at most this much patience; beyond it the user should decide. */
const LONGEST_RETRY_AFTER_MS = 120_000;

export interface Attempt {
  readonly what: string;
  readonly url: string;
  /** Whether the attempt that just failed got somewhere: then counting starts again. */
  readonly progressed?: () => boolean;
  /** Turns a last failure into a better message. */
  readonly explain?: (trouble: Trouble, cause: unknown) => Trouble;
}

/** Runs `work` until it succeeds, its trouble is of the lasting kind, or attempts run out. Waits grow exponentially, with jitter. */
export async function withRetry<T>(
  context: RunContext,
  attempt: Attempt,
  work: () => Promise<T>,
): Promise<T> {
  const { host, signal, emit } = context;
  let moved = false;
  for (let failures = 1; ; failures++) {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (attempt.progressed?.() === true) {
        failures = 1;
        moved = true;
      }
      const trouble = diagnose(error, attempt.url, host.clock.now());
      const wait = trouble.retryAfterMs ?? backoff(failures, host.randomHex(4));
      // A host that answered a moment ago is no typing mistake: the network is down, and may come back.
      const kind = moved && trouble.retry === "briefly" ? "soon" : trouble.retry;
      if (failures >= ATTEMPTS[kind] || wait > LONGEST_RETRY_AFTER_MS) {
        throw unavailable(attempt.what, attempt.explain?.(trouble, error) ?? trouble, error);
      }
      const message = `${trouble.why} Trying again in ${(wait / 1000).toFixed(1)} s.`;
      emit({ type: failures < 3 ? "debug" : "info", message });
      await host.clock.sleep(wait, signal);
    }
  }
}

/** Half fixed, half random, so that many clients of one server do not return at once. */
function backoff(failures: number, random: string): number {
  const full = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (failures - 1));
  return full / 2 + (full / 2) * (Number.parseInt(random, 16) / 0xffff_ffff);
}
