import type { GpuLayout } from "../../engines/engine.ts";
import type { MemoryShape } from "../../models/memory-shape.ts";
import { evenShare } from "./even-share.ts";
import type { DeviceMemory } from "./free-bytes.ts";
import { memoryShare } from "./memory-share.ts";

/** How an engine spreads a model evenly over these GPUs; undefined without any. `kept`: with which share it runs on them already. */
export function gpuLayout(
  cards: readonly DeviceMemory[],
  shape: MemoryShape | undefined,
  kept: Pick<GpuLayout, "memoryShare"> | undefined,
): GpuLayout | undefined {
  if (cards.length === 0) return undefined;
  const used = evenShare(cards.length, shape);
  const { memoryShare: share } = kept ?? { memoryShare: memoryShare(cards.slice(0, used)) };
  return { given: cards.length, used, memoryShare: share };
}

/** By the labels of the engine's container that runs: what is free changes while it does, and is no reason to start it anew. */
export function keptShare(label: string | undefined): Pick<GpuLayout, "memoryShare"> {
  return { memoryShare: /^0\.\d{1,2}$/.test(label ?? "") ? Number(label) : undefined };
}
