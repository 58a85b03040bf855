import type { Engine } from "../../engines/engine.ts";
import { freeOfDevices } from "../gpu/free-bytes.ts";
import type { GpuPolicy } from "../gpu/policy.ts";
import type { GpuDevice } from "../gpu/verdict.ts";
import type { Budget } from "./budget.ts";

/** Whether an engine of this kind may have the machine's GPUs: the one that is a process of ours computes on the processor. */
export function mayUseGpus({ kind }: Pick<Engine, "kind">, policy: GpuPolicy): boolean {
  return kind !== "process" && policy !== "none";
}

/** The machine's free memory, and beside it that of the GPUs that say what they have free. */
export function machineBudget(
  hostFreeBytes: number,
  policy: GpuPolicy,
  listed: readonly GpuDevice[],
): Budget {
  const ids = policy === "auto" || policy === "none" ? "all" : policy;
  const free = freeOfDevices([{ driver: "nvidia", ids }], listed).filter(
    (bytes) => bytes !== undefined,
  );
  if (free.length === 0) return { hostFreeBytes };
  return { hostFreeBytes, deviceFreeBytes: free.reduce((sum, bytes) => sum + bytes) };
}
