import { StackError } from "../errors.ts";
import type { StoredModel } from "../models/model.ts";
import type { ContainerEngine } from "./engine.ts";

/** Where an engine's container finds the weights: the store is mounted at `/models`. */
export function containerWeightsPath({ weights }: StoredModel): string {
  return `/models/blobs/${weights.digest.replace(":", "-")}`;
}

/** `MODEL_UNAVAILABLE` for an engine that can't read what the store holds: GGUF files. */
export function requireFormat(
  { format, title }: Pick<ContainerEngine, "format" | "title">,
  reference: string,
): void {
  if (format === "gguf") return;
  throw new StackError("MODEL_UNAVAILABLE", {
    what: `${title} can't read ${reference}.`,
    why: "It wants a folder of safetensors with a tokenizer, and the model store holds GGUF files.",
    next: "stack up llamacpp",
  });
}
