import type { ContainerFacts, DeviceRequest } from "../docker/runtime.ts";
import { gpuFacts } from "../host/gpu-facts.ts";
import { heldOfGpus } from "../host/held-of-gpus.ts";
import { type DeviceMemory, memoryOfDevices } from "../plan/gpu/free-bytes.ts";
import { readLayout } from "../plan/gpu/gpu-layout.ts";
import type { HostGpu } from "../plan/gpu/host-gpu.ts";
import { withoutHolder } from "../plan/gpu/without-holder.ts";
import { LABEL } from "../plan/labels.ts";
import type { RunContext } from "../run-context.ts";

/** Milliseconds for nvidia-smi where an engine is started by what it says: 25 to 30 s on eight GPUs without persistence mode (Azure/AgentBaker#2829). */
const PATIENCE_MS = 40_000;

export interface GpusMemory {
  readonly cards: readonly DeviceMemory[];
  /** False where all were asked for, and the machine does not say how many these are. */
  readonly counted: boolean;
}

/**
 * Memory of each GPU that the engine is given; what the engine has of it that is replaced counts as free. Where the machine does not
 * say how many `all` are, they are as many as that engine was given. `root`: where `/` is, for tests.
 */
export async function memoryOfGpus(
  context: RunContext,
  devices: readonly DeviceRequest[],
  containers: readonly ContainerFacts[],
  root?: string,
): Promise<GpusMemory> {
  if (devices.length === 0) return { cards: [], counted: true };
  const { host, signal } = context;
  const look = { signal, ...(root === undefined ? {} : { root }) };
  const holder = containers.find(
    ({ state, labels }) => state === "running" && labels[LABEL.gpu] !== undefined,
  );
  const [facts, held] = await Promise.all([
    patientFacts(context, look),
    holder === undefined ? undefined : heldOfGpus(host, holder.id, look),
  ]);
  if (facts.nvidia.devices.length > 0 || !devices.some(isAllOfNvidia)) {
    const cards = memoryOfDevices(devices, holder ? withoutHolder(facts, held) : facts);
    return { cards, counted: true };
  }
  const layout = readLayout(holder?.labels[LABEL.gpuLayout]);
  const cards = Array.from({ length: layout?.given ?? 1 }, () => ({ freeBytes: undefined }));
  return { cards, counted: layout !== undefined };
}

function isAllOfNvidia(device: DeviceRequest): boolean {
  if (device.driver === "nodes") return false;
  return device.ids === "all" || device.ids.includes("nvidia.com/gpu=all");
}

async function patientFacts(
  { host, emit }: RunContext,
  look: Parameters<typeof gpuFacts>[1],
): Promise<HostGpu> {
  const facts = await gpuFacts(host, look);
  const { complaint = "", late = false } = facts.nvidia;
  if (!late) return facts;
  const message = `${complaint} It is waited for, ${PATIENCE_MS / 1000} s at most, to know what is free on the GPUs.`;
  emit({ type: "info", message });
  return gpuFacts(host, { ...look, programMs: PATIENCE_MS });
}
