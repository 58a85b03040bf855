import type { Engine } from "../../engines/engine.ts";
import { decideGpu, type GpuQuestion } from "../gpu/decide.ts";
import { memoryOfDevices } from "../gpu/free-bytes.ts";
import type { HostGpu } from "../gpu/host-gpu.ts";
import type { GpuPolicy } from "../gpu/policy.ts";
import { type Budget, withGpus } from "./budget.ts";

/** Whether an engine of this kind may have the machine's GPUs: the one that is a process of ours computes on the processor. */
export function mayUseGpus({ kind }: Pick<Engine, "kind">, policy: GpuPolicy): boolean {
  return kind !== "process" && policy !== "none";
}

/** The machine's free memory, and beside it that of the GPUs which the engine would be given and which say what they have free. */
export function machineBudget(
  hostFreeBytes: number,
  wish: Pick<GpuQuestion, "policy" | "accelerators">,
  host: HostGpu,
): Budget {
  const { devices } = decideGpu({ ...wish, host, daemon: ableDaemon(host) });
  const telling = memoryOfDevices(devices, host).filter(({ freeBytes }) => freeBytes !== undefined);
  return withGpus(hostFreeBytes, telling);
}

/** A container daemon that passes on whatever this machine has: whether the one here does, is not asked for a list of models. */
function ableDaemon({ nvidia }: HostGpu): GpuQuestion["daemon"] {
  return {
    product: "docker",
    local: true,
    runtimes: nvidia.devices.length === 0 ? [] : ["nvidia"],
    cdiSpecDirs: [],
    discoveredDevices: [],
  };
}
