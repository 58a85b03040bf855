import type { DeviceMemory } from "./free-bytes.ts";

/** Bytes of each card that are left alone: CUDA's own context, which is there before vLLM looks, and what a desktop takes meanwhile. */
const SPARE = 2 ** 30;
/** vLLM's own share (`gpu_memory_utilization`, vllm/config/cache.py). */
const MOST = 0.92;

/**
 * The part of every card's whole memory that is free on it, from 0 to 1 in hundredths: vLLM does not start where less is free than
 * the part that it is to have (`request_memory`, vllm/v1/worker/utils.py). Undefined where a card does not say, or has nothing free.
 */
export function memoryShare(cards: readonly DeviceMemory[]): number | undefined {
  const most = mostShare(cards);
  return most === undefined ? undefined : Math.min(MOST, most);
}

/** The same, however much that is: the most that can be named. */
export function mostShare(cards: readonly DeviceMemory[]): number | undefined {
  const shares = cards.map(({ freeBytes = NaN, totalBytes = NaN }) =>
    Math.floor((100 * (freeBytes - SPARE)) / totalBytes),
  );
  const most = Math.min(...shares);
  return cards.length > 0 && most > 0 ? most / 100 : undefined;
}

/** Whether an engine starts that is told this share: `tight` where what it needs before it looks may be lacking. */
export function roomForShare(
  cards: readonly DeviceMemory[],
  share: number,
): "ample" | "tight" | "none" {
  const isMore = ({ freeBytes = Infinity, totalBytes = NaN }: DeviceMemory): boolean =>
    share * totalBytes > freeBytes;
  if (cards.some(isMore)) return "none";
  const most = mostShare(cards);
  return most !== undefined && share > most ? "tight" : "ample";
}

/**
 * Bytes that an engine has of each card: the share of it, or the one that is `named`, and where that is more than is free the most
 * that could be; `Infinity` where a card does not say what is free.
 */
export function givenOfEach(cards: readonly DeviceMemory[], named: number | undefined): number {
  const free = freeOfEach(cards);
  const whole = Math.min(...cards.map(({ totalBytes = NaN }) => totalBytes));
  // Without the whole no share is named, and the engine takes what there is.
  if (!isFinite(free) || Number.isNaN(whole)) return free;
  const starts = named !== undefined && roomForShare(cards, named) !== "none";
  const most = named === undefined ? memoryShare(cards) : mostShare(cards);
  return Math.min(free, (starts ? named : (most ?? 0)) * whole);
}

/** Bytes that are free on each card; `Infinity` where one does not say. */
export function freeOfEach(cards: readonly DeviceMemory[]): number {
  return Math.min(...cards.map(({ freeBytes = Infinity }) => freeBytes));
}

/** The least share that is this many bytes on each card, in hundredths; undefined where that can't be named, or one does not say. */
export function leastShare(cards: readonly DeviceMemory[], bytes: number): number | undefined {
  const shares = cards.map(({ totalBytes = NaN }) => Math.ceil((100 * bytes) / totalBytes));
  const least = Math.max(...shares) / 100;
  return least <= (mostShare(cards) ?? 0) ? least : undefined;
}
