import type { DeviceMemory } from "../gpu/free-bytes.ts";
import { freeOfEach, givenOfEach } from "../gpu/memory-share.ts";
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

/** How an engine that shares evenly has its GPUs. */
export interface EvenUse {
  /** The ones with a part. */
  readonly cards: readonly DeviceMemory[];
  /** Whether it is told a share of each, and the one that the user has named; undefined where it takes what is free. */
  readonly share: { readonly named: number | undefined } | undefined;
}

/** What can be used of it: an equal part on each of those GPUs, else all. */
export function usableBudget({ cards: all, ...budget }: Budget, use: EvenUse | undefined): Budget {
  if (use === undefined || all === undefined) return budget;
  const { cards, share } = use;
  const each = share === undefined ? freeOfEach(cards) : givenOfEach(cards, share.named);
  return { ...budget, deviceFreeBytes: cards.length * each };
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
