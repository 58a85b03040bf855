import { constants, createReadStream } from "node:fs";
import { chmod, copyFile, rm, stat } from "node:fs/promises";
import { requireSpace } from "../download/disk-space.ts";
import { hashFile } from "../store/hash-file.ts";
import { recordId } from "../store/records.ts";
import { incomingPath, publishBlob, writeBlob, type WrittenBlob } from "../store/write-blob.ts";
import type { SourceTools } from "./source.ts";

/**
 * Takes a file of the user into the pool: by reflink where the file system has them (no bytes move), else as a copy.
 * Never by hard link: whoever writes to the file later would change a blob under a digest that it no longer has.
 */
export async function takeFile(tools: SourceTools, path: string): Promise<WrittenBlob> {
  return (await reflink(tools, path)) ?? copy(tools, path);
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
    await publishBlob(layout, temp, blob.digest, context.signal);
    return blob;
  } catch (error) {
    await rm(temp, { force: true });
    throw error;
  }
}

async function copy(tools: SourceTools, path: string): Promise<WrittenBlob> {
  const { layout, meter, context } = tools;
  await requireSpace(layout.blobs, (await stat(path)).size, path);
  return writeBlob(layout, recordId(path), readWatched(), context.signal);

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
