import type { Mount } from "../docker/runtime.ts";
import type { StoredModel } from "../models/model.ts";
import type { EngineInput } from "./engine.ts";

const STORE = "/models";

/** The store in an engine's container, or a part of it; for that part something else may stand, by its path below the store. */
export function storeMount(
  { storeDir }: Pick<EngineInput, "storeDir">,
  part?: string,
  instead = part,
): Mount {
  const below = (root: string, path: string | undefined): string =>
    path === undefined ? root : `${root}/${path}`;
  return {
    kind: "bind",
    source: below(storeDir, instead),
    target: below(STORE, part),
    readOnly: true,
  };
}

/** Where the container finds the weights there. */
export function containerWeightsPath(model: StoredModel): string {
  return model.format === "gguf"
    ? `${STORE}/blobs/${model.weights.digest.replace(":", "-")}`
    : `${STORE}/${model.snapshot}`;
}
