import type { StoredModel } from "../models/model.ts";

/** Where an engine's container finds the weights: the store is mounted at `/models`. */
export function containerWeightsPath(model: StoredModel): string {
  return model.format === "gguf"
    ? `/models/blobs/${model.weights.digest.replace(":", "-")}`
    : `/models/${model.snapshot}`;
}
