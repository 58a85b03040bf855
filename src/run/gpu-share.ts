import type { ContainerFacts, Runtime } from "../docker/runtime.ts";
import { type Endpoint, endpointOrigin, type GpuMeasured } from "../endpoint.ts";
import type { ContainerEngine } from "../engines/engine.ts";
import { ask } from "../gate/ask.ts";
import { LABEL } from "../plan/labels.ts";
import { judgeStillThere, STILL_THERE_SCRIPT } from "../plan/gpu/still-there.ts";
import type { GpuFault } from "../plan/gpu/verdict.ts";
import type { RunContext } from "../run-context.ts";

/** What became of the GPU that a stack asked for. */
export interface GpuShare extends GpuMeasured {
  readonly fault?: GpuFault;
}

export interface GpuShareQuestion {
  readonly engine: Pick<ContainerEngine, "gpuShare">;
  /** The engine's container. */
  readonly container: Pick<ContainerFacts, "id" | "labels" | "startedAt">;
  /** With what was measured when it came up, which holds where the engine does not tell again. */
  readonly endpoint: Pick<Endpoint, "apiBase" | "apiKey" | "model" | "measured"> | undefined;
  /** Milliseconds; what has not answered by then is unknown. */
  readonly deadlineMs: number;
}

/** All of the log that a load writes: each engine says there, once, what it computes on. */
const LOG_LINES = 3000;
/** A model that is all on the GPU may count some MiB of the host's as its own. */
const WHOLE = 0.98;

/**
 * Whether the model is where it was meant to be. Undefined for a stack without a GPU. Never throws, but for an abort: what
 * cannot be asked is `unknown`.
 */
export async function checkGpuShare(
  context: Pick<RunContext, "signal">,
  runtime: Runtime,
  question: GpuShareQuestion,
): Promise<GpuShare | undefined> {
  if (question.container.labels[LABEL.gpu] === undefined) return undefined;
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(question.deadlineMs)]);
  const [there, told] = await Promise.all([
    stillThere(context, runtime, question, signal),
    orUndefined(context, shareOf(runtime, question, signal)),
  ]);
  // What the log says was true at the start; a driver that hangs now is told by nothing but silence.
  if (there === "silent") return { state: "unknown", fault: silent(question.deadlineMs) };
  if (there !== undefined) return { state: "lost", fault: there };
  const share = told ?? question.endpoint?.measured?.gpu?.share;
  if (share === undefined) return { state: "unknown" };
  if (share >= WHOLE) return { state: "on-gpu", share };
  return share > 0 ? { state: "partly", share } : { state: "on-cpu", share, fault: onCpu() };
}

/** For people; undefined where there is nothing to say. */
export function gpuShareWarning({ state, share = 0, fault }: GpuShare): string | undefined {
  switch (state) {
    case "lost":
    case "on-cpu":
    case "unknown":
      return fault === undefined
        ? undefined
        : `${state === "lost" ? "The GPU is lost: " : ""}${fault.why} (${fault.cause}) Next: ${fault.next}`;
    case "partly":
      return `Only ${Math.floor(share * 100)} % of the model is on the GPU, the rest on the processor: choose a smaller model or --context.`;
    default:
      return undefined;
  }
}

function onCpu(): GpuFault {
  return {
    state: "broken",
    cause: "image-has-no-cuda",
    why: "The engine has a GPU and computes on the processor: its image cannot use it, or the model does not fit it at all.",
    evidence: [],
    next: "stack logs",
  };
}

function silent(ms: number): GpuFault {
  return {
    state: "broken",
    cause: "no-answer",
    why: `Whether the GPU still works is not known: asked in the container, it gave no answer within ${ms / 1000} s, as where the driver hangs.`,
    evidence: [],
    next: "nvidia-smi",
  };
}

/** Undefined when all is well, or the container has nothing that can tell. */
async function stillThere(
  { signal }: Pick<RunContext, "signal">,
  runtime: Runtime,
  { container }: GpuShareQuestion,
  within: AbortSignal,
): Promise<GpuFault | "silent" | undefined> {
  const command = ["/bin/sh", "-c", STILL_THERE_SCRIPT];
  try {
    const { output } = await runtime.containers.exec(container.id, command, within);
    return judgeStillThere(output);
  } catch {
    signal.throwIfAborted();
    return within.aborted ? "silent" : undefined;
  }
}

async function shareOf(
  runtime: Runtime,
  { engine, container, endpoint }: GpuShareQuestion,
  signal: AbortSignal,
): Promise<number | undefined> {
  const source = engine.gpuShare;
  if (source === undefined) return undefined;
  if (source.kind === "log") {
    const { startedAt } = container;
    return source.read(
      await runtime.containers.head(container.id, LOG_LINES, { startedAt, signal }),
    );
  }
  if (endpoint === undefined) return undefined;
  const answer = await ask(
    { method: "GET", path: source.path, read: "whole" },
    { origin: endpointOrigin(endpoint), apiKey: endpoint.apiKey, signal },
  );
  return answer.status === 200 ? source.read(answer.text, endpoint.model) : undefined;
}

async function orUndefined<T>(
  { signal }: Pick<RunContext, "signal">,
  work: Promise<T>,
): Promise<T | undefined> {
  try {
    return await work;
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}
