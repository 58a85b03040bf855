import { constants, createReadStream } from "node:fs";
import { chmod, copyFile, rm, stat } from "node:fs/promises";
import { StackError } from "../../errors.ts";
import { requireSpace } from "../download/disk-space.ts";
import type { ModelReference } from "../model.ts";
import { recordId } from "../store/records.ts";
import { fileStamp } from "./file-stamp.ts";
import { hashFile } from "../store/hash-file.ts";
import { incomingPath, publishBlob, writeBlob, type WrittenBlob } from "../store/write-blob.ts";
import type { Acquired, SourceTools } from "./source.ts";

type FileReference = Extract<ModelReference, { scheme: "file" }>;

/**
 * Takes a GGUF of the user into the pool: by reflink where the file system has them (no bytes move), else as a copy.
 * Never by hard link: whoever writes to the file later would change a blob under a digest that it no longer has.
 */
export async function acquireFromFile(
  tools: SourceTools,
  { path }: FileReference,
): Promise<Acquired> {
  const before = await fileStamp(path);
  if (before === undefined) {
    throw new StackError("MODEL_UNAVAILABLE", {
      what: `There is no file ${path}.`,
      next: "check the path: it is taken from the current folder",
    });
  }
  tools.meter.expect(Number(before.split(":")[0]));
  const weights = (await reflink(tools, path)) ?? (await copy(tools, path));
  if ((await fileStamp(path)) !== before) {
    throw new StackError("MODEL_UNAVAILABLE", {
      what: `${path} was changed while it was read.`,
      next: "run the command again when the file is complete",
    });
  }
  return { kind: "gguf", weights, fileStamp: before };
}

/** Copy on write: shares the bytes on disk until one of the two changes. Undefined where that is not to be had. */
async function reflink(tools: SourceTools, path: string): Promise<WrittenBlob | undefined> {
  const { layout, meter, context } = tools;
  const temp = incomingPath(layout, recordId(path));
  try {
    await copyFile(path, temp, constants.COPYFILE_FICLONE_FORCE);
  } catch {
    await rm(temp, { force: true });
    return undefined;
  }
  try {
    const blob = await hashFile(temp, context.signal, (position) => meter.at(path, position));
    await chmod(temp, 0o644);
    await publishBlob(layout, temp, blob.digest);
    return blob;
  } catch (error) {
    await rm(temp, { force: true });
    throw error;
  }
}

async function copy(tools: SourceTools, path: string): Promise<WrittenBlob> {
  const { layout, meter, context } = tools;
  await requireSpace(layout.blobs, (await stat(path)).size, path);
  return writeBlob(layout, recordId(path), readWatched());

  async function* readWatched(): AsyncGenerator<Buffer> {
    const input = createReadStream(path, {
      highWaterMark: 4 * 1024 * 1024,
      signal: context.signal,
    });
    let position = 0;
    for await (const data of input) {
      const chunk: Buffer = data;
      position += chunk.length;
      meter.at(path, position);
      yield chunk;
    }
  }
}
