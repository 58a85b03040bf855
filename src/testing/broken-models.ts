import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { starterModel } from "./starter-model.ts";

/** Ways in which a file of a model is wrong though its header is right. */
export const BREAKS = {
  /** Of a kind that no engine knows. */
  "unknown kind": (model) => replaceAll(model, "llama", "xlama"),
  /** The header promises more than is there. */
  "cut off": (model) => model.subarray(0, Math.floor(model.length * 0.6)),
  "template with a mistake": (model) => rewriteTemplate(model, "{% fxr message in messages %}"),
  "no template": (model) => replaceAll(model, "tokenizer.chat_template", "tokenizer.chat_templaTE"),
} as const satisfies Record<string, (model: Buffer) => Buffer>;
export type Break = keyof typeof BREAKS;

/** Bytes in front in which the keys lie, with the lists of tokens between them. */
const HEADER_BYTES = 3_000_000;

/** The starter model with one thing wrong, written into `folder`. Resolves to its reference. */
export async function brokenModel(folder: string, how: Break): Promise<string> {
  const file = join(folder, `${how.replaceAll(" ", "-")}.gguf`);
  await writeFile(file, BREAKS[how](await readFile(await starterModel())));
  return `file:${file}`;
}

/** Of the same length, or every offset behind it would be wrong. */
function replaceAll(model: Buffer, text: string, by: string): Buffer {
  const header = model.subarray(0, HEADER_BYTES).toString("latin1").replaceAll(text, by);
  return Buffer.concat([Buffer.from(header, "latin1"), model.subarray(HEADER_BYTES)]);
}

function rewriteTemplate(model: Buffer, template: string): Buffer {
  const key = "tokenizer.chat_template";
  // Behind the key: four bytes for the type, eight for the length.
  const length = model.indexOf(key) + key.length + 4;
  const at = length + 8;
  const changed = Buffer.from(model);
  changed.fill(" ", at, at + Number(model.readBigUInt64LE(length)));
  changed.write(template, at);
  return changed;
}
