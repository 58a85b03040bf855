import type { Mount } from "../docker/runtime.ts";
import type { StoredModel } from "../models/model.ts";
import type { EngineInput } from "./engine.ts";

const STORE = "/models";

/** The store in an engine's container. */
export function storeMount({ storeDir }: Pick<EngineInput, "storeDir">): Mount {
  return { kind: "bind", source: storeDir, target: STORE, readOnly: true };
}

/** Where the container finds the weights there. */
export function containerWeightsPath(model: StoredModel): string {
  return model.format === "gguf"
    ? `${STORE}/blobs/${model.weights.digest.replace(":", "-")}`
    : `${STORE}/${model.snapshot}`;
}
