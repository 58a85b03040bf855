import { createHash } from "node:crypto";
import { open, readFile, rename, rm, writeFile, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import * as z from "zod";
import { isErrno, syncFolder } from "../../host/atomic-write.ts";
import { type Digest } from "../model.ts";

/** What is known of the bytes in a partial file; losing it costs nothing but the early notice that the source has changed. */
const sidecarSchema = z.object({ etag: z.string().optional() });

/** A file that is being downloaded: its bytes so far, and their hash. Lives beside its target until it is whole. */
export interface Partial {
  /** Bytes that are written and hashed. */
  readonly position: () => number;
  /** Strong ETag of the source those bytes came from. */
  readonly etag: () => string | undefined;
  /** Forgets all bytes; the next ones come from a source with this ETag. */
  restart(etag: string | undefined): Promise<void>;
  append(chunks: readonly Buffer[]): Promise<void>;
  digest(): Digest;
  /** fsync, rename to the target, fsync of the folder: now it is visible. */
  publish(): Promise<void>;
  /** Deletes it: its bytes are wrong. */
  discard(): Promise<void>;
  close(): Promise<void>;
}

const READ_SIZE = 4 * 1024 * 1024;

/** Opens or creates `<target>.partial` and hashes what is there already. */
export async function openPartial(target: string, signal: AbortSignal): Promise<Partial> {
  const path = partialPath(target);
  const sidecar = sidecarPath(target);
  const file = await openForUpdate(path);
  let hash = createHash("sha256");
  let position = 0;
  let etag = await readEtag(sidecar);
  try {
    const buffer = Buffer.allocUnsafe(READ_SIZE);
    for (;;) {
      signal.throwIfAborted();
      const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
      if (bytesRead === 0) break;
      hash.update(buffer.subarray(0, bytesRead));
      position += bytesRead;
    }
  } catch (error) {
    await file.close();
    throw error;
  }
  return {
    position: () => position,
    etag: () => etag,
    restart: async (newEtag) => {
      if (position > 0) await file.truncate(0);
      hash = createHash("sha256");
      position = 0;
      etag = newEtag;
      await writeFile(sidecar, JSON.stringify({ etag: newEtag }));
    },
    append: async (chunks) => {
      const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
      await writeAll(file, chunks, position);
      for (const chunk of chunks) hash.update(chunk);
      position += bytes;
    },
    digest: () => `sha256:${hash.copy().digest("hex")}`,
    publish: async () => {
      // A container's user reads it, whatever the umask of this process is.
      await file.chmod(0o644);
      await file.sync();
      // Before the rename: after it nobody would look for the sidecar again.
      await rm(sidecar, { force: true });
      await rename(path, target);
      await syncFolder(dirname(target));
    },
    discard: async () => {
      await rm(path, { force: true });
      await rm(sidecar, { force: true });
    },
    close: () => file.close(),
  };
}

export function partialPath(target: string): string {
  return `${target}.partial`;
}

function sidecarPath(target: string): string {
  return `${target}.partial.json`;
}

async function openForUpdate(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r+");
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
    return open(path, "wx+", 0o644);
  }
}

async function writeAll(
  file: FileHandle,
  chunks: readonly Buffer[],
  position: number,
): Promise<void> {
  let at = position;
  let rest = [...chunks];
  while (rest.length > 0) {
    const { bytesWritten } = await file.writev(rest, at);
    at += bytesWritten;
    rest = dropBytes(rest, bytesWritten);
  }
}

/** A write may be short: what is left of the chunks after `bytes` of them. */
function dropBytes(chunks: readonly Buffer[], bytes: number): Buffer[] {
  let skip = bytes;
  return chunks.flatMap((chunk) => {
    const drop = Math.min(skip, chunk.length);
    skip -= drop;
    return drop === chunk.length ? [] : [chunk.subarray(drop)];
  });
}

async function readEtag(sidecar: string): Promise<string | undefined> {
  try {
    return sidecarSchema.parse(JSON.parse(await readFile(sidecar, "utf8"))).etag;
  } catch {
    return undefined;
  }
}
