import * as z from "zod";
import { StackError } from "../../errors.ts";
import { readersOf } from "../formats.ts";

/** Says which safetensors belong to the model, where there are several. */
export const INDEX_FILE = "model.safetensors.index.json";

/**
 * What engines read beside the weights: configuration, tokenizer, chat template. Data only: no `.py`, which would be run
 * with `--trust-remote-code`, and no pickle, which is run by being loaded.
 */
const TEXTS: readonly RegExp[] = [
  /^(\w+_)?config\.json$/,
  /^tokenizer[\w.-]*\.(json|jinja|txt|tiktoken|model(\.v\d+)?)$/,
  /^chat_template[\w.-]*\.(jinja|json)$/,
  /^(special_tokens_map|added_tokens|vocab|tekken)\.json$/,
  /^(vocab|merges)\.txt$/,
  /^[\w-]+\.(model|tiktoken)$/,
];

const TOKENIZER =
  /^(tokenizer\.(json|model(\.v\d+)?)|tekken\.json|vocab\.(json|txt)|[\w-]+\.(model|tiktoken))$/;
const WEIGHTS = /^\w[\w.-]*\.safetensors$/;
const PICKLE = /\.(bin|pth?|ckpt|pkl)$/i;

export function hasSafetensors(files: readonly string[]): boolean {
  return files.some((file) => WEIGHTS.test(file));
}

/** Whether a file may belong to a snapshot. Only the top of a repository counts: `original/` and the like hold copies in other forms. */
export function isSnapshotFile(path: string): boolean {
  return path === INDEX_FILE || WEIGHTS.test(path) || TEXTS.some((each) => each.test(path));
}

/**
 * The small files of a snapshot, the index of its weights among them. `name` is for messages.
 * `MODEL_UNAVAILABLE` when there is no model in safetensors with its tokenizer, saying what there is instead.
 */
export function snapshotTexts(files: readonly string[], name: string): readonly string[] {
  if (!hasSafetensors(files)) throw noWeights(files, name);
  for (const [there, missing] of [
    [files.includes("config.json"), "config.json"],
    [files.some((file) => TOKENIZER.test(file)), "tokenizer (tokenizer.json, tokenizer.model, …)"],
  ] as const) {
    if (there) continue;
    throw new StackError("MODEL_UNAVAILABLE", {
      what: `${name} is not a whole model.`,
      why: files.includes("adapter_config.json")
        ? `It is an adapter for another model: there is no ${missing} in it.`
        : `There is no ${missing} in it, and engines are not let out to look for one.`,
      next: "name a repository or folder that has weights, config.json and tokenizer together",
    });
  }
  return files.filter((file) => file === INDEX_FILE || TEXTS.some((each) => each.test(file)));
}

const indexSchema = z.object({ weight_map: z.record(z.string(), z.string()) });

/**
 * The safetensors of a snapshot: those that the index names; without one `model.safetensors`, else all there are, as vLLM
 * does it (filter_duplicate_safetensors_files). Mistral's repositories hold the same weights twice.
 */
export function snapshotWeights(
  files: readonly string[],
  index: string | undefined,
  name: string,
): readonly string[] {
  if (index === undefined) {
    return files.includes("model.safetensors")
      ? ["model.safetensors"]
      : files.filter((file) => WEIGHTS.test(file));
  }
  const shards = [...new Set(Object.values(readIndex(index, name).weight_map))].toSorted();
  const missing = shards.filter((file) => !WEIGHTS.test(file) || !files.includes(file));
  if (shards.length > 0 && missing.length === 0) return shards;
  throw new StackError("MODEL_UNAVAILABLE", {
    what: `${name} is not a whole model.`,
    why: `Its ${INDEX_FILE} names ${shards.length} files, and of these are not there: ${missing.slice(0, 5).join(", ")}.`,
    next: "fetch or copy the missing files, or choose another repository",
  });
}

function readIndex(text: string, name: string): z.infer<typeof indexSchema> {
  try {
    return indexSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new StackError("MODEL_UNAVAILABLE", {
      what: `The ${INDEX_FILE} of ${name} cannot be read.`,
      next: "choose another repository or folder",
      cause,
    });
  }
}

function noWeights(files: readonly string[], name: string): StackError {
  const what = `${name} holds no safetensors.`;
  if (files.some((file) => /\.gguf$/i.test(file))) {
    return new StackError("MODEL_UNAVAILABLE", {
      what,
      why: "It holds GGUF.",
      next: `start ${readersOf("gguf")} with it, or name the repository that the GGUF was made from`,
    });
  }
  const pickle = files.find((file) => PICKLE.test(file));
  return new StackError("MODEL_UNAVAILABLE", {
    what,
    why:
      pickle === undefined
        ? "There are no weights in it."
        : `Its weights are pickles (${pickle}), which run code when they are loaded: those are never taken.`,
    next: "choose a repository with .safetensors",
  });
}
