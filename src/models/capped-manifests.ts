import { planHash } from "../plan/hash.ts";
import type { GgufModel } from "./model.ts";

/** Holds a folder for each model and limit, below the store's root. */
export const CAPPED = "capped";

/** What the names of these folders begin with while the model is as it is now. */
export function cappedPrefix({
  ollamaManifest,
  blobs,
}: Pick<GgufModel, "ollamaManifest" | "blobs">): string {
  return `${planHash([ollamaManifest, blobs.map(({ digest }) => digest)])}-`;
}

/**
 * Below the store's root, what takes the place of `manifests` for an engine that is to give no longer answers than this
 * (tokens): the manifest of this one model, with one more layer. Ollama has no other place for such a limit.
 */
export function cappedManifests(
  model: Pick<GgufModel, "ollamaManifest" | "blobs">,
  maxOutputTokens: number,
): string {
  return `${CAPPED}/${cappedPrefix(model)}${maxOutputTokens}/manifests`;
}
