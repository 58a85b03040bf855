import { StackError } from "../errors.ts";
import {
  MODEL_FORMATS,
  type ModelFormat,
  type ModelReference,
  type WantedFormat,
} from "./model.ts";
import { formatReference } from "./reference.ts";

/** Who reads which format. A test holds it equal to the registry of engines, which the store may not know. */
export const READERS = {
  gguf: ["embedded", "llamacpp", "ollama"],
  safetensors: ["sglang", "vllm"],
} as const satisfies Record<ModelFormat, readonly string[]>;

/** What the engine of this name reads; undefined for those that are adopted. */
export function formatReadBy(engine: string): ModelFormat | undefined {
  const readers: Readonly<Record<ModelFormat, readonly string[]>> = READERS;
  return MODEL_FORMATS.find((format) => readers[format].includes(engine));
}

/** `embedded, llamacpp or ollama` */
export function readersOf(format: ModelFormat): string {
  return new Intl.ListFormat("en", { type: "disjunction" }).format(READERS[format]);
}

/** Whether what is named can be a model in this format at all. */
export function mayBe(reference: ModelReference, format: WantedFormat): boolean {
  const { scheme } = reference;
  if (format !== "safetensors" || scheme === "file") return true;
  return scheme === "hf" && reference.select === undefined;
}

/** Where a model in this format comes from: `USAGE` when what is named can never be one, so that nothing is pulled for it. */
export function requireSource(reference: ModelReference, format: WantedFormat): void {
  if (mayBe(reference, format)) return;
  const { scheme } = reference;
  const name = formatReference(reference);
  if (scheme === "pypi" || scheme === "ollama") {
    throw new StackError("USAGE", {
      what: `${name} is a GGUF, and this engine reads safetensors.`,
      why: `Models of ${scheme}: are for ${readersOf("gguf")}.`,
      next: "name a repository or a folder with safetensors: --model hf:org/repo or file:FOLDER",
    });
  }
  if (scheme === "hf" && reference.select !== undefined) {
    throw new StackError("USAGE", {
      what: `${name} names one GGUF, and this engine reads safetensors.`,
      why: `What stands behind the colon picks a GGUF, for ${readersOf("gguf")}.`,
      next: `--model ${formatReference({ ...reference, select: undefined })}, if that has safetensors`,
    });
  }
}
