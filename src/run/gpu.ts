import type { ContainerFacts, DaemonFacts, DeviceRequest, Runtime } from "../docker/runtime.ts";
import type { Endpoint } from "../endpoint.ts";
import type { Accelerator, ContainerEngine, ImageTag } from "../engines/engine.ts";
import { unreachable } from "../errors.ts";
import { gpuFacts } from "../host/gpu-facts.ts";
import { UPDATE_DRIVER } from "../plan/gpu/causes.ts";
import { decideGpu, type GpuDecision } from "../plan/gpu/decide.ts";
import { type GpuPolicy, gpuDemanded } from "../plan/gpu/policy.ts";
import { oldDriverWarning } from "../plan/gpu/serves-cuda.ts";
import { gpuUnusable, type GpuFault } from "../plan/gpu/verdict.ts";
import { LABEL } from "../plan/labels.ts";
import type { RunContext } from "../run-context.ts";
import { gpuPreflight } from "./gpu-preflight.ts";
import { checkGpuShare, gpuShareWarning } from "./gpu-share.ts";
import { firstImageHere } from "./stack-images.ts";

/** What the engine computes on, settled. */
export interface SettledGpu {
  readonly accelerator: Accelerator;
  readonly devices: readonly DeviceRequest[];
  /** For the engine's container; empty without a GPU. */
  readonly labels: Readonly<Record<string, string>>;
  /** For the endpoint: a GPU that is here and not used. */
  readonly warnings: readonly string[];
  /** A container has seen these devices. */
  readonly tried: boolean;
}

/** A GPU that would be asked for. Whether it can be used, only a container finds out. */
export interface UntriedGpu extends Pick<SettledGpu, "accelerator"> {
  /** The devices as the daemon is asked for them, such as `nvidia-runtime:all`. */
  readonly request: string;
  readonly tried: false;
}

export interface GpuWish {
  /** Name of the stack. */
  readonly stack: string;
  readonly policy: GpuPolicy;
  readonly engine: Pick<ContainerEngine, "acceleratedImages">;
  readonly daemon: DaemonFacts;
  /** What runs under that name now. */
  readonly containers: readonly ContainerFacts[];
  /** For the preflight, best first: the first that the daemon has is taken. */
  readonly images: (accelerator: Accelerator) => readonly string[];
  /** False where no container may be started to try it. */
  readonly mayTry: boolean;
  /** What was told when that was started. */
  readonly told: readonly string[];
}

/** What an engine has an image for: its standard image serves NVIDIA GPUs too, as `ContainerEngine` promises. */
export function engineAccelerators(
  engine: Pick<ContainerEngine, "acceleratedImages">,
): readonly Accelerator[] {
  return ["cpu", "cuda", ...(Object.keys(engine.acceleratedImages ?? {}) as Accelerator[])];
}

/**
 * Decides what to ask for, and tries it in a container, where it may and no engine runs with just that. `auto` falls to the
 * processor with a warning where there is a GPU that can't be used; one that was demanded is `GPU_UNUSABLE` then.
 */
export async function settleGpu(
  context: RunContext,
  runtime: Runtime,
  wish: GpuWish,
): Promise<SettledGpu> {
  const { policy } = wish;
  const decision = await decide(context, wish);
  const { devices, accelerator } = decision;
  if (decision.fault !== undefined) return withoutGpu(context, policy, decision.fault);
  if (devices.length === 0) return onCpu([]);

  const labels = { [LABEL.accelerator]: accelerator, [LABEL.gpu]: wayToGpu(devices) };
  const image = await firstImageHere(runtime, wish.images(accelerator), context.signal);
  const tried = wish.containers.some(
    (each) =>
      each.state === "running" &&
      each.labels[LABEL.gpu] === labels[LABEL.gpu] &&
      each.imageId === image?.id,
  );
  const settled: SettledGpu = { accelerator, devices, labels, warnings: [], tried };
  if (tried) return settled;
  if (!wish.mayTry) return refusedBefore(context, wish) ?? settled;
  // Nothing to try it in: `up` settles this anew when the engine's image was pulled.
  if (image === undefined) return settled;
  const verdict = await gpuPreflight(context, runtime, {
    stack: wish.stack,
    image: image.reference,
    devices,
    accelerator,
  });
  if (verdict.state !== "usable") return withoutGpu(context, policy, verdict);
  for (const message of verdict.evidence) context.emit({ type: "debug", message });
  return { ...settled, tried: true };
}

/** With `auto`, what runs on the processor because the GPU could not be used: without another try nothing else is known. */
function refusedBefore(
  context: RunContext,
  { policy, containers, told }: GpuWish,
): SettledGpu | undefined {
  const message = told.find((each) => each.startsWith(NOT_USED));
  const runs = containers.some(({ state }) => state === "running");
  if (message === undefined || !runs || gpuDemanded(policy)) return undefined;
  context.emit({ type: "warning", message });
  return onCpu([message]);
}

/** The machine is asked only where the daemon's own word is not enough. */
async function decide(
  { host, signal }: RunContext,
  { policy, daemon, engine }: GpuWish,
): Promise<GpuDecision> {
  const question = { policy, daemon, accelerators: engineAccelerators(engine) };
  const offered = decideGpu({ ...question, host: undefined });
  if (policy === "none" || offered.devices.length > 0 || !daemon.local) return offered;
  return decideGpu({ ...question, host: await gpuFacts(host, { signal }) });
}

/** Before an image is pulled: tells when it is built for a newer CUDA than the driver serves. Whether it runs all the same, the try finds out. */
export async function warnOfOldDriver(
  { host, signal, emit }: RunContext,
  image: ImageTag,
): Promise<void> {
  if (image.cuda === undefined) return;
  const { nvidia } = await gpuFacts(host, { signal });
  const message = oldDriverWarning(image, nvidia.cudaVersion);
  if (message !== undefined) emit({ type: "warning", message, next: UPDATE_DRIVER });
}

/** Undefined for one that a container has seen, and where the processor is to compute. */
export function untriedGpu({ accelerator, devices, tried }: SettledGpu): UntriedGpu | undefined {
  if (tried || devices.length === 0) return undefined;
  return { accelerator, request: wayToGpu(devices), tried };
}

export interface GpuProof {
  readonly policy: GpuPolicy;
  readonly engine: Pick<ContainerEngine, "gpuShare">;
  readonly settled: SettledGpu;
  /** The engine's; `startedAt` of one that was there already. */
  readonly container: Pick<ContainerFacts, "id" | "startedAt">;
  readonly endpoint: Endpoint;
}

/** Milliseconds, once, after a start that took seconds. */
const PROOF_MS = 10_000;

/**
 * After the start: whether the model really is on the GPU. The endpoint is returned with what was found, and with what is to
 * be told of it; a GPU that was demanded and computes nothing is `GPU_UNUSABLE`.
 */
export async function proveGpu(
  context: RunContext,
  runtime: Runtime,
  { policy, engine, settled, container, endpoint }: GpuProof,
): Promise<Endpoint> {
  const share = await checkGpuShare(context, runtime, {
    engine,
    container: { ...container, labels: settled.labels },
    endpoint,
    deadlineMs: PROOF_MS,
  });
  if (share === undefined) return endpoint;
  const refuted = share.state === "lost" || share.state === "on-cpu";
  if (refuted && share.fault !== undefined && gpuDemanded(policy)) throw gpuUnusable(share.fault);
  const message = gpuShareWarning(share);
  const next = share.fault?.next;
  if (message !== undefined) {
    context.emit({ type: "warning", message, ...(next === undefined ? {} : { next }) });
  }
  const { fault: _, ...gpu } = share;
  const { measured, warnings } = endpoint;
  return {
    ...endpoint,
    ...(measured === undefined ? {} : { measured: { ...measured, gpu } }),
    warnings: message === undefined ? warnings : [...warnings, message],
  };
}

const NOT_USED = "The GPU is not used, the processor computes:";

function withoutGpu(context: RunContext, policy: GpuPolicy, fault: GpuFault): SettledGpu {
  if (gpuDemanded(policy)) throw gpuUnusable(fault);
  const told = `${fault.why} (${[fault.cause, ...fault.evidence].join("; ")})`;
  switch (fault.state) {
    case "absent":
      return onCpu([]);
    case "unasked":
      context.emit({ type: "info", message: told });
      return onCpu([]);
    case "broken": {
      const message = `${NOT_USED} ${told}`;
      context.emit({ type: "warning", message, next: fault.next });
      return onCpu([message]);
    }
    default:
      return unreachable(fault.state);
  }
}

function onCpu(warnings: readonly string[]): SettledGpu {
  return { accelerator: "cpu", devices: [], labels: {}, warnings, tried: false };
}

/** One word for a request, for a label: the same request is the same word. */
function wayToGpu(devices: readonly DeviceRequest[]): string {
  return devices
    .map((device) => {
      if (device.driver === "nodes") return device.paths.join(",");
      return `${device.driver}:${device.ids === "all" ? "all" : device.ids.join(",")}`;
    })
    .join(" ");
}
