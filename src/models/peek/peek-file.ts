import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { readGgufHeader } from "../gguf/header.ts";
import type { ModelFormat } from "../model.ts";
import { formatReference } from "../reference.ts";
import { localSnapshotFiles } from "../snapshot/local-files.ts";
import { type FileReference, noFile } from "../sources/file.ts";
import { fileStamp, folderStamp } from "../sources/file-stamp.ts";
import { noFolder } from "../sources/folder.ts";
import { isWeights, readSnapshot } from "../store/read-snapshot.ts";
import type { Glimpse } from "./glimpse.ts";

/** The file or folder of the user says all; nothing is copied. */
export async function peekFile(reference: FileReference, format: ModelFormat): Promise<Glimpse> {
  const { path } = reference;
  const name = formatReference(reference);
  if (format === "gguf") {
    if ((await fileStamp(path)) === undefined) throw await noFile(path);
    return peekGguf(path, name);
  }
  if ((await folderStamp(path)) === undefined) throw await noFolder(path);
  return peekFolder(await readdir(path), (file) => join(path, file), name);
}

/** A GGUF on this machine. */
export async function peekGguf(path: string, name: string): Promise<Glimpse> {
  const { facts } = await readGgufHeader(path, name);
  return { weightsBytes: (await stat(path)).size, facts };
}

/** A snapshot on this machine; `at`: where one of its files lies. */
export async function peekFolder(
  files: readonly string[],
  at: (file: string) => string,
  name: string,
): Promise<Glimpse> {
  const wanted = (await localSnapshotFiles(files, at, name)).map((path) => ({ path }));
  const { facts } = await readSnapshot(wanted, ({ path }) => at(path), name);
  const sizes = await Promise.all(
    wanted.filter(isWeights).map(async ({ path }) => (await stat(at(path))).size),
  );
  return { weightsBytes: sum(sizes), facts };
}

function sum(sizes: readonly number[]): number {
  return sizes.reduce((all, bytes) => all + bytes, 0);
}
