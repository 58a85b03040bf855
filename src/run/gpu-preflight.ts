import type { ContainerSpec, DeviceRequest, Runtime } from "../docker/runtime.ts";
import type { Accelerator } from "../engines/engine.ts";
import { StackError } from "../errors.ts";
import { UNPRIVILEGED } from "../offline/gateway-container.ts";
import { judgePreflight, PREFLIGHT_SCRIPT } from "../plan/gpu/preflight.ts";
import type { GpuVerdict } from "../plan/gpu/verdict.ts";
import { LABEL } from "../plan/labels.ts";
import type { RunContext } from "../run-context.ts";

export interface Preflight {
  /** Name of the stack. */
  readonly stack: string;
  /** Any image with a shell that the daemon has; the engine's own tells most. */
  readonly image: string;
  readonly devices: readonly DeviceRequest[];
  readonly accelerator: Accelerator;
}

/**
 * Milliseconds from creating the container to its answer: nvidia-smi is asked twice and CUDA once, and each takes up to 30 s on
 * eight GPUs without persistence mode (Azure/AgentBaker#2829, Azure/aks-gpu#105).
 */
const DEADLINE_MS = 120_000;
/** Milliseconds after which that is told. */
const SLOW_MS = 5000;
const REMOVE_MS = 10_000;
const LINES = 200;

/**
 * Runs a container with the GPU, hardened as the engine's and without a network, asks what it sees, and removes it whatever
 * happens. What the daemon or the GPU have to say against it is a verdict, not an error.
 */
export async function gpuPreflight(
  { host, signal, emit }: RunContext,
  runtime: Runtime,
  preflight: Preflight,
): Promise<GpuVerdict> {
  const { devices, accelerator } = preflight;
  const seen = { request: devices, accelerator, output: undefined, refusal: undefined };
  const finished = new AbortController();
  const expired = new AbortController();
  const after = (ms: number, work: () => void): void => {
    host.clock.sleep(ms, AbortSignal.any([signal, finished.signal])).then(work, () => {});
  };
  after(DEADLINE_MS, () => expired.abort());
  after(SLOW_MS, () => emit({ type: "info", message: SLOW }));
  const within = AbortSignal.any([signal, expired.signal]);
  const name = `stack-${preflight.stack}-gpu-${host.randomHex(4)}`;
  try {
    await removeLeft(runtime, preflight.stack, host.clock.now(), within);
    const id = await runtime.containers.create(container(name, preflight), within);
    await runtime.containers.start(id, within);
    await runtime.containers.waitExit(id, within);
    const output = await runtime.containers.tail(id, LINES, { signal: within });
    return judgePreflight({ ...seen, output: output.join("\n") });
  } catch (error) {
    signal.throwIfAborted();
    if (expired.signal.aborted) return noAnswer();
    if (!(error instanceof StackError) || error.code === "DOCKER_UNREACHABLE") throw error;
    return judgePreflight({ ...seen, refusal: error.why ?? error.what });
  } finally {
    finished.abort();
    // By name: a request that was given up may have made it all the same.
    await runtime.containers.remove(name, AbortSignal.timeout(REMOVE_MS)).catch(() => {});
  }
}

const SLOW = `The GPU takes its time to answer in a container; it is waited for, ${DEADLINE_MS / 1000} s at most. nvidia-persistenced keeps a driver awake.`;

function noAnswer(): GpuVerdict {
  return {
    state: "broken",
    cause: "no-answer",
    why: `A container with the GPU gave no answer within ${DEADLINE_MS / 1000} s: the driver hangs.`,
    evidence: [],
    next: "nvidia-smi",
  };
}

/** What a killed command may have left: what ended, and what runs for so long that nobody can wait for it any more. */
async function removeLeft(
  runtime: Runtime,
  stack: string,
  now: number,
  signal: AbortSignal,
): Promise<void> {
  const found = await runtime.containers.list({ [LABEL.preflight]: stack }, signal);
  const left = found.filter(
    ({ state, startedAt }) =>
      state !== "running" || now - Date.parse(startedAt ?? "") > DEADLINE_MS + REMOVE_MS,
  );
  await Promise.all(left.map(({ id }) => runtime.containers.remove(id, signal)));
}

function container(name: string, { stack, image, devices }: Preflight): ContainerSpec {
  return {
    name,
    image,
    labels: { [LABEL.preflight]: stack },
    entrypoint: ["/bin/sh", "-c", PREFLIGHT_SCRIPT],
    command: [],
    env: { HOME: "/tmp" },
    user: `${UNPRIVILEGED.uid}:${UNPRIVILEGED.gid}`,
    network: "none",
    extraNetworks: [],
    networkAliases: [],
    ports: [],
    mounts: [],
    tmpfs: { "/tmp": "size=16m,mode=1777" },
    memoryBytes: 512 * 1024 * 1024,
    pidsLimit: 64,
    shmBytes: undefined,
    stopSeconds: 1,
    restart: "no",
    dns: [],
    devices,
  };
}
