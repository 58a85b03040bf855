import type { RunContext } from "../../run/context.ts";
import { diagnose, unavailable, type Trouble } from "./trouble.ts";

/** Attempts in a row that got nowhere before giving up: about a minute of waiting in all. */
const ATTEMPTS = { soon: 7, briefly: 3, never: 1 } as const;
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
  for (let failures = 1; ; failures++) {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (attempt.progressed?.() === true) failures = 1;
      const trouble = diagnose(error, attempt.url, host.clock.now());
      const wait = trouble.retryAfterMs ?? backoff(failures, host.randomHex(4));
      if (failures >= ATTEMPTS[trouble.retry] || wait > LONGEST_RETRY_AFTER_MS) {
        throw unavailable(attempt.what, attempt.explain?.(trouble, error) ?? trouble, error);
      }
      emit({ type: "debug", message: `${trouble.why} Trying again in ${Math.ceil(wait)} ms.` });
      await host.clock.sleep(wait, signal);
    }
  }
}

/** Half fixed, half random, so that many clients of one server do not return at once. */
function backoff(failures: number, random: string): number {
  const full = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (failures - 1));
  return full / 2 + (full / 2) * (Number.parseInt(random, 16) / 0xffff_ffff);
}
