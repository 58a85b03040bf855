import type { ContainerFacts, DeviceRequest, Runtime } from "../docker/runtime.ts";
import { gpuFacts } from "../host/gpu-facts.ts";
import { heldOfGpus } from "../host/held-of-gpus.ts";
import { processMemory } from "../host/memory.ts";
import { type DeviceMemory, memoryOfDevices } from "../plan/gpu/free-bytes.ts";
import { withoutHolder } from "../plan/gpu/without-holder.ts";
import { LABEL } from "../plan/labels.ts";
import type { RunContext } from "../run-context.ts";
import { reachableRuntime } from "./clear-stack.ts";

/** What runs under the stack's name now, and goes before the new one starts. */
export interface Replaced {
  readonly containers: readonly ContainerFacts[];
  /** Of an engine that is a process of ours. */
  readonly pid: number | undefined;
}

/** Bytes of the machine's memory that the replaced stack has of its own. What nobody tells counts as nothing. */
export async function heldMemory(
  { signal }: Pick<RunContext, "signal">,
  runtime: Runtime | undefined,
  { containers, pid }: Replaced,
): Promise<number> {
  const held = await Promise.all([
    ...running(containers).map(({ id }) =>
      runtime?.containers.memory(id, signal).catch(() => undefined),
    ),
    ...(pid === undefined ? [] : [processMemory(pid)]),
  ]);
  signal.throwIfAborted();
  return held.reduce<number>((sum, bytes) => sum + (bytes ?? 0), 0);
}

/** The same of all that runs under this name, in containers as well; these count as nothing where no daemon tells of them. */
export async function heldByStack(
  context: RunContext,
  name: string,
  pid: number | undefined,
): Promise<number> {
  const { signal } = context;
  const label = { [LABEL.name]: name };
  const runtime = await reachableRuntime(context).catch(() => undefined);
  const containers = await runtime?.containers.list(label, signal).catch(() => undefined);
  signal.throwIfAborted();
  return heldMemory(context, runtime, { containers: containers ?? [], pid });
}

/** Memory of each GPU that the engine is given; what the replaced engine has of it counts as free. `root`: where `/` is, for tests. */
export async function memoryOfGpus(
  { host, signal }: RunContext,
  devices: readonly DeviceRequest[],
  { containers }: Pick<Replaced, "containers">,
  root?: string,
): Promise<readonly DeviceMemory[]> {
  if (devices.length === 0) return [];
  const look = { signal, ...(root === undefined ? {} : { root }) };
  const holder = running(containers).find(({ labels }) => labels[LABEL.gpu] !== undefined);
  const [facts, held] = await Promise.all([
    gpuFacts(host, look),
    holder === undefined ? undefined : heldOfGpus(host, holder.id, look),
  ]);
  return memoryOfDevices(devices, holder === undefined ? facts : withoutHolder(facts, held));
}

function running(containers: readonly ContainerFacts[]): readonly ContainerFacts[] {
  return containers.filter(({ state }) => state === "running");
}
