import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { StackError } from "../../errors.ts";
import { readersOf } from "../formats.ts";
import { formatReference } from "../reference.ts";
import { localSnapshotFiles } from "../snapshot/local-files.ts";
import { changedMeanwhile, type FileReference } from "./file.ts";
import { fileStamp, folderStamp } from "./file-stamp.ts";
import type { Acquired, SnapshotFile, SourceTools } from "./source.ts";
import { takeFile } from "./take-file.ts";

/** Takes a folder of the user with safetensors, configuration and tokenizer into the pool; links in it are followed. */
export async function acquireFromFolder(
  tools: SourceTools,
  reference: FileReference,
): Promise<Acquired> {
  const { path: folder } = reference;
  const name = formatReference(reference);
  const before = await folderStamp(folder);
  if (before === undefined) throw await noFolder(folder);
  const files = await readdir(folder);
  const wanted = await localSnapshotFiles(files, (file) => join(folder, file), name);
  for (const path of wanted) {
    const stamp = await fileStamp(join(folder, path));
    tools.meter.expect(Number(stamp?.split(":")[0] ?? 0));
  }
  const taken: SnapshotFile[] = [];
  for (const path of wanted) {
    taken.push({ path, ...(await takeFile(tools, join(folder, path))) });
  }
  if ((await folderStamp(folder)) !== before) throw changedMeanwhile(folder);
  return { kind: "snapshot", files: taken, fileStamp: before };
}

/** Why there is no snapshot at a path where `folderStamp` finds none. */
export async function noFolder(path: string): Promise<StackError> {
  const isFile = (await fileStamp(path)) !== undefined;
  return new StackError("MODEL_UNAVAILABLE", {
    what: isFile
      ? `${path} is a file, and this engine reads a folder with safetensors.`
      : `There is no folder ${path}.`,
    why: /\.gguf$/i.test(path) ? `A GGUF is for ${readersOf("gguf")}.` : undefined,
    next: isFile
      ? "name the folder that holds config.json, tokenizer and safetensors"
      : "check the path: it is taken from the current folder",
  });
}
