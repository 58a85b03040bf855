import type { MemoryShape } from "../../models/memory-shape.ts";

/**
 * Over how many of `gpus` an engine on PyTorch can spread a model, each with an equal part of every layer: as many heads must ask
 * on each (`Total number of attention heads … must be divisible by tensor parallel size`, vllm/config/model.py), and the heads of
 * keys are dealt out or repeated evenly (`QKVParallelLinear`, vllm/model_executor/layers/linear.py). One where the heads are not known.
 */
export function evenShare(
  gpus: number,
  shape: Pick<MemoryShape, "kv" | "queryHeads"> | undefined,
): number {
  const { queryHeads, kv = [] } = shape ?? {};
  if (queryHeads === undefined) return 1;
  const fits = (parts: number): boolean =>
    queryHeads % parts === 0 &&
    kv.every(({ kvHeads }) => kvHeads % parts === 0 || parts % kvHeads === 0);
  for (let parts = gpus; parts > 1; parts -= 1) if (fits(parts)) return parts;
  return 1;
}

/** The model as it lies on that many GPUs: where they are more than its heads of keys, these are repeated. */
export function repeatedOver(parts: number, shape: MemoryShape): MemoryShape {
  const kv = shape.kv.map((group) => ({ ...group, kvHeads: Math.max(group.kvHeads, parts) }));
  return { ...shape, kv };
}
