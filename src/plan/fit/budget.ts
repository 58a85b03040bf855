import type { MemoryEstimate } from "./estimate.ts";

/** Memory that is free now, in bytes. */
export interface Budget {
  readonly hostFreeBytes: number;
  /** Of all the GPUs that the engine is given; absent where it has none, `Infinity` where they do not say. */
  readonly deviceFreeBytes?: number;
}

/** Share of the free memory that `auto` leaves alone: the machine has other work, and an estimate is one. */
const MARGIN = 0.1;

/** How an estimate lies in a budget: with room to spare, without, partly on the GPU only, or not at all. */
export type Room = "ample" | "tight" | "split" | "none";

/**
 * Weights, keys, values and buffers belong on the GPU where there is one, the rest on the host. What exceeds the GPU
 * can be left on the host, where it is slow.
 */
export function roomFor(estimate: MemoryEstimate, budget: Budget): Room {
  const { deviceFreeBytes, hostFreeBytes } = budget;
  if (deviceFreeBytes === undefined) return compare(estimate.total, hostFreeBytes);
  const onHost = estimate.runtime + estimate.cache;
  const onDevice = estimate.total - onHost;
  const rooms = [compare(onDevice, deviceFreeBytes), compare(onHost, hostFreeBytes)];
  if (!rooms.includes("none")) return rooms.includes("tight") ? "tight" : "ample";
  return estimate.total <= deviceFreeBytes + hostFreeBytes ? "split" : "none";
}

function compare(bytes: number, free: number): Room {
  if (bytes <= free * (1 - MARGIN)) return "ample";
  return bytes <= free ? "tight" : "none";
}
