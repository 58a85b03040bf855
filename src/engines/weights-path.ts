import type { StoredModel } from "../models/model.ts";

/** Where an engine's container finds the weights: the store is mounted at `/models`. */
export function containerWeightsPath({ weights }: StoredModel): string {
  return `/models/blobs/${weights.digest.replace(":", "-")}`;
}
