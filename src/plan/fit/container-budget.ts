import type { DeviceMemory } from "../gpu/free-bytes.ts";
import { parseSize } from "../size.ts";
import { type Budget, withGpus } from "./budget.ts";

/** Two machines are one and the same when they differ in memory by no more than this. */
const SAME_MACHINE = 0.02;

/** What there is for a container, in bytes. */
export interface ContainerMemory {
  /** Of this machine. */
  readonly host: { readonly totalBytes: number; readonly freeBytes: number };
  /** Of the machine that the daemon runs on; 0 where it does not say. */
  readonly daemonBytes: number;
  /** What the stack has that it would replace: free when that is gone. */
  readonly heldBytes: number;
  /** Of the GPUs that it is given. */
  readonly gpus: readonly DeviceMemory[];
}

/** What the daemon's machine has left, and no more than `limit`, the setting `memory`. Of a virtual machine only the size is known. */
export function containerBudget(
  { host, daemonBytes, heldBytes, gpus }: ContainerMemory,
  limit: string | undefined,
): Budget {
  const same = Math.abs(daemonBytes - host.totalBytes) <= SAME_MACHINE * host.totalBytes;
  const whole = daemonBytes === 0 ? host.totalBytes : daemonBytes;
  const free = same ? Math.min(host.freeBytes + heldBytes, whole) : whole;
  const most = limit === undefined ? undefined : parseSize(limit);
  return withGpus(Math.min(free, most ?? free), gpus);
}
