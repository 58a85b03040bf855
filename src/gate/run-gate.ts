import { type ErrorCode, StackError } from "../errors.ts";
import type { RunContext } from "../run-context.ts";
import { ask, type AskOptions } from "./ask.ts";
import type { GateFacts, LateProbe, Probe, ProbeVerdict, Rung } from "./probe.ts";

/**
 * Pause between two attempts, in milliseconds. At 10 ms readiness is noticed within 30 ms in the
 * median, and one attempt costs an engine that loads less than 1 % of a core (measured, see `bench:up`).
 */
const PAUSE_MS = 10;

/** Lines of the log that an error carries. */
export const SHOWN_LINES = 50;

export interface GateOptions {
  readonly origin: string;
  readonly apiKey: string;
  /** As in `AskOptions`. */
  readonly apiBase?: string | undefined;
  readonly secureContext?: AskOptions["secureContext"];
  /** What to do when it is not passed and the probe has no better advice; `stack logs` unless given. */
  readonly next?: string;
  /** Milliseconds for the whole ladder. */
  readonly timeoutMs: number;
  /**
   * Watches what is waited for. Rejects (with the error to show) when it stops; never resolves.
   * Must end when the signal aborts.
   */
  readonly watch: (signal: AbortSignal) => Promise<never>;
  /** The cause of a failure in the lines of `tail`; it goes before the answer's own words. */
  readonly explain?: (lines: readonly string[]) => Promise<KnownCause | undefined>;
  /** Hears what is asked next, and how many milliseconds that will take where it can be estimated. */
  readonly doing?: (title: string, expectedMs?: number) => void;
  /** Looks at what is known after each rung; what it throws ends the climb. */
  readonly heed?: (facts: GateFacts) => void;
  /** The last of the engine's log, for the error of a wait that failed: enough to find a cause in. */
  readonly tail: () => Promise<readonly string[]>;
}

/** Why an engine can't answer, by what its log or the kernel says. */
export interface KnownCause {
  readonly code: ErrorCode;
  readonly why: string;
  readonly next: string;
}

/**
 * Climbs the ladder: each probe is asked until it says ok. Fails with `NOT_READY` when time runs out
 * or a probe says that asking again will not help (by the cause's own code where one is known), and at once with the
 * watcher's error when the engine stops.
 */
export async function runGate(
  context: RunContext,
  probes: readonly (Probe | LateProbe)[],
  options: GateOptions,
): Promise<GateFacts> {
  const { clock } = context.host;
  const begun = clock.monotonic();
  const climb = new AbortController();
  const signal = AbortSignal.any([context.signal, climb.signal]);
  const timer = setTimeout(() => climb.abort(new GateTimeout()), options.timeoutMs);
  let last: { readonly rung: Rung; why: string } = { rung: "up", why: "nothing was asked yet" };

  const ladder = async (): Promise<GateFacts> => {
    const facts: Record<string, number | string | boolean> = {};
    for (const step of probes) {
      const remainingMs = Math.max(0, options.timeoutMs - (clock.monotonic() - begun));
      const probe = typeof step === "function" ? step({ facts, remainingMs }) : step;
      if (probe === undefined) continue;
      last = { rung: probe.rung, why: "no answer yet" };
      if (probe.title !== undefined) options.doing?.(probe.title, probe.expectedMs);
      const verdict = await climbOne(context, probe, options, signal, (why) => {
        last = { rung: probe.rung, why };
      });
      Object.assign(facts, verdict.facts);
      context.emit({ type: "rung", rung: probe.rung, ms: clock.monotonic() - begun });
      options.heed?.(facts);
    }
    return facts;
  };

  try {
    return await Promise.race([ladder(), options.watch(signal)]);
  } catch (error) {
    if (context.signal.aborted) throw context.signal.reason;
    if (error instanceof GateTimeout) {
      throw new StackError("NOT_READY", {
        what: `The engine was not ready within ${Math.round(options.timeoutMs / 1000)} s: it stopped short of "${last.rung}".`,
        why: `The last answer was: ${last.why}.`,
        next: options.next ?? "stack logs",
        detail: (await options.tail()).slice(-SHOWN_LINES),
      });
    }
    throw error;
  } finally {
    clearTimeout(timer);
    climb.abort(new GateOver());
  }
}

class GateTimeout extends Error {}
class GateOver extends Error {}

type Passed = Extract<ProbeVerdict, { readonly kind: "ok" }>;

async function climbOne(
  context: RunContext,
  probe: Probe,
  options: GateOptions,
  signal: AbortSignal,
  onWait: (why: string) => void,
): Promise<Passed> {
  for (;;) {
    const verdict = await attempt(probe, options, signal);
    if (verdict.kind === "ok") return verdict;
    if (verdict.kind === "fatal") {
      const { detail, known } = await evidence(context, options, signal);
      throw new StackError(known?.code ?? verdict.code ?? "NOT_READY", {
        what: `The engine can't answer: it stopped short of "${probe.rung}".`,
        why: known?.why ?? verdict.why,
        next: known?.next ?? verdict.next ?? options.next ?? "stack logs",
        detail,
      });
    }
    onWait(verdict.why);
    await context.host.clock.sleep(PAUSE_MS, signal);
  }
}

/** Milliseconds in which the log of a refused request is here: the answer can be faster (seen with Ollama 0.17.4). */
const LOG_MS = 300;

interface Evidence {
  readonly detail: readonly string[];
  readonly known: KnownCause | undefined;
}

/** The last lines, and what they explain; looked at twice before they explain nothing. */
async function evidence(
  { host }: RunContext,
  { tail, explain }: GateOptions,
  signal: AbortSignal,
): Promise<Evidence> {
  const look = async (): Promise<Evidence> => {
    const lines = await tail();
    return { detail: lines.slice(-SHOWN_LINES), known: await explain?.(lines) };
  };
  const first = await look();
  if (explain === undefined || first.known !== undefined) return first;
  await host.clock.sleep(LOG_MS, signal);
  return look();
}

async function attempt(
  probe: Probe,
  options: GateOptions,
  signal: AbortSignal,
): Promise<ProbeVerdict> {
  const limit = AbortSignal.timeout(probe.attemptMs);
  try {
    const { origin, apiKey, apiBase, secureContext } = options;
    const answer = await ask(probe.request, {
      origin,
      apiKey,
      apiBase,
      secureContext,
      signal: AbortSignal.any([signal, limit]),
    });
    return probe.judge(answer);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (limit.aborted && probe.timedOut !== undefined) return probe.timedOut;
    if (limit.aborted) return { kind: "wait", why: `no answer within ${probe.attemptMs} ms` };
    return { kind: "wait", why: error instanceof Error ? error.message : String(error) };
  }
}
