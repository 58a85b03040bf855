import type { GpuLayout } from "../../engines/engine.ts";
import type { MemoryShape } from "../../models/memory-shape.ts";
import { evenShare } from "./even-share.ts";
import type { DeviceMemory } from "./free-bytes.ts";
import { memoryShare } from "./memory-share.ts";

/** How an engine spreads a model evenly over these GPUs; undefined without any. */
export function gpuLayout(
  cards: readonly DeviceMemory[],
  shape: MemoryShape | undefined,
): GpuLayout | undefined {
  if (cards.length === 0) return undefined;
  const used = evenShare(cards.length, shape);
  return { given: cards.length, used, memoryShare: memoryShare(cards.slice(0, used)) };
}

/** For a label on the engine's container: `2/3@0.79` are two of three, and 79 hundredths of the memory of each. */
export function layoutText({ given, used, memoryShare }: GpuLayout): string {
  return `${used}/${given}${memoryShare === undefined ? "" : `@${memoryShare}`}`;
}

/** What such a label says; undefined where it is none. */
export function readLayout(text: string | undefined): GpuLayout | undefined {
  const [, used, given, share] = /^(\d{1,3})\/(\d{1,3})(?:@(0\.\d{1,2}))?$/.exec(text ?? "") ?? [];
  if (used === undefined || given === undefined) return undefined;
  return {
    given: Number(given),
    used: Number(used),
    memoryShare: share === undefined ? undefined : Number(share),
  };
}
