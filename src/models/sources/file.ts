import { readdir } from "node:fs/promises";
import { StackError } from "../../errors.ts";
import { readersOf } from "../formats.ts";
import type { ModelReference } from "../model.ts";
import { isSnapshotFile } from "../snapshot/select.ts";
import { fileStamp } from "./file-stamp.ts";
import { takeFile } from "./take-file.ts";
import type { Acquired, SourceTools } from "./source.ts";

export type FileReference = Extract<ModelReference, { scheme: "file" }>;

/** Takes a GGUF of the user into the pool. */
export async function acquireFromFile(
  tools: SourceTools,
  { path }: FileReference,
): Promise<Acquired> {
  const before = await fileStamp(path);
  if (before === undefined) throw await noFile(path);
  tools.meter.expect(Number(before.split(":")[0]));
  const weights = await takeFile(tools, path);
  if ((await fileStamp(path)) !== before) throw changedMeanwhile(path);
  return { kind: "gguf", weights, fileStamp: before };
}

export function changedMeanwhile(path: string): StackError {
  return new StackError("MODEL_UNAVAILABLE", {
    what: `${path} was changed while it was read.`,
    next: "run the command again when the file is complete",
  });
}

/** Why there is no GGUF at a path where `fileStamp` finds none. */
export async function noFile(path: string): Promise<StackError> {
  const files: readonly string[] | undefined = await readdir(path).catch(() => undefined);
  if (files === undefined) {
    return new StackError("MODEL_UNAVAILABLE", {
      what: `There is no file ${path}.`,
      next: "check the path: it is taken from the current folder",
    });
  }
  const gguf = files.find((file) => /\.gguf$/i.test(file));
  return new StackError("MODEL_UNAVAILABLE", {
    what: `${path} is a folder, and this engine reads one GGUF file.`,
    why: files.some(isSnapshotFile)
      ? `What lies in it is for ${readersOf("safetensors")}.`
      : undefined,
    next: gguf === undefined ? `name a GGUF file` : `use file:${path}/${gguf}`,
  });
}
