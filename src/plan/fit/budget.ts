import type { DeviceMemory } from "../gpu/free-bytes.ts";
import { givenOfEach } from "../gpu/memory-share.ts";
import type { EngineMemory } from "./engine-memory.ts";
import type { MemoryEstimate } from "./estimate.ts";

/** Memory that is free now, in bytes. */
export interface Budget {
  readonly hostFreeBytes: number;
  /** Of all the GPUs that the engine is given; absent where it has none, `Infinity` where they do not say. */
  readonly deviceFreeBytes?: number;
  /** These GPUs. */
  readonly cards?: readonly DeviceMemory[];
}

/** The budget with these GPUs. */
export function withGpus(hostFreeBytes: number, gpus: readonly DeviceMemory[]): Budget {
  if (gpus.length === 0) return { hostFreeBytes };
  const cards = gpus.map(({ freeBytes, totalBytes }) => ({ freeBytes, totalBytes }));
  const deviceFreeBytes = cards.reduce((sum, { freeBytes = Infinity }) => sum + freeBytes, 0);
  return { hostFreeBytes, deviceFreeBytes, cards };
}

/** What can be used of it: of `parts` GPUs with an equal part on each what the engine is given of them, else all. */
export function usableBudget({ cards, ...budget }: Budget, parts: number | undefined): Budget {
  if (parts === undefined || cards === undefined) return budget;
  return { ...budget, deviceFreeBytes: parts * givenOfEach(cards.slice(0, parts)) };
}

/** Share of the free memory that `auto` leaves alone: the machine has other work, and an estimate is one. */
const MARGIN = 0.1;

/** How an estimate lies in a budget: with room to spare, without, partly on the GPU only, or not at all. */
export type Room = "ample" | "tight" | "split" | "none";

/**
 * Weights, keys, values and buffers belong on the GPU where there is one, the rest on the host. What exceeds the GPU
 * can be left on the host, where it is slow; but not by an engine that shares evenly.
 */
export function roomFor(
  estimate: MemoryEstimate,
  budget: Budget,
  { sharesEvenly }: Pick<EngineMemory, "sharesEvenly">,
): Room {
  const { deviceFreeBytes, hostFreeBytes } = budget;
  if (deviceFreeBytes === undefined) return compare(estimate.total, hostFreeBytes);
  const onHost = estimate.runtime + estimate.cache;
  const onDevice = estimate.total - onHost;
  const rooms = [compare(onDevice, deviceFreeBytes), compare(onHost, hostFreeBytes)];
  if (!rooms.includes("none")) return rooms.includes("tight") ? "tight" : "ample";
  if (sharesEvenly) return "none";
  return estimate.total <= deviceFreeBytes + hostFreeBytes ? "split" : "none";
}

function compare(bytes: number, free: number): Room {
  if (bytes <= free * (1 - MARGIN)) return "ample";
  return bytes <= free ? "tight" : "none";
}
