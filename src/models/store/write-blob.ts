import { createHash } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { fullDisk } from "../download/disk-space.ts";
import { syncFolder } from "../../host/atomic-write.ts";
import type { Digest } from "../model.ts";
import { hashFile } from "./hash-file.ts";
import { blobPath, type Layout } from "./layout.ts";

/** Files of this kind are half-written blobs whose digest is not known yet; `gc` removes those that were left behind. */
const INCOMING_PREFIX = "incoming-";

export interface WrittenBlob {
  readonly digest: Digest;
  readonly bytes: number;
}

/**
 * Makes a file that is in the blobs folder already visible under its digest: one rename, no copy. A blob that is there
 * and sound stays instead: snapshots have second names for it, and would keep the old bytes beside the new.
 */
export async function publishBlob(
  layout: Layout,
  temp: string,
  digest: Digest,
  signal: AbortSignal,
): Promise<void> {
  const there = await hashFile(blobPath(layout, digest), signal).catch(() => undefined);
  signal.throwIfAborted();
  if (there?.digest === digest) {
    await rm(temp, { force: true });
    return;
  }
  await rename(temp, blobPath(layout, digest));
  await syncFolder(layout.blobs);
}

/**
 * Stores these bytes under the digest they turn out to have. `id` names the temp file: one writer at a time.
 * `accept` may refuse by throwing; then, and after any error, nothing is left.
 */
export async function writeBlob(
  layout: Layout,
  id: string,
  chunks: AsyncIterable<Buffer>,
  signal: AbortSignal,
  accept: (blob: WrittenBlob) => void = () => {},
): Promise<WrittenBlob> {
  const temp = incomingPath(layout, id);
  try {
    const file = await open(temp, "w", 0o644);
    try {
      const hash = createHash("sha256");
      let bytes = 0;
      for await (const chunk of chunks) {
        hash.update(chunk);
        bytes += chunk.length;
        await file.writeFile(chunk);
      }
      await file.chmod(0o644);
      await file.sync();
      const blob: WrittenBlob = { digest: `sha256:${hash.digest("hex")}`, bytes };
      accept(blob);
      await publishBlob(layout, temp, blob.digest, signal);
      return blob;
    } finally {
      await file.close();
    }
  } catch (error) {
    await rm(temp, { force: true });
    throw fullDisk(error, layout.blobs, "the model");
  }
}

export function incomingPath(layout: Layout, id: string): string {
  return join(layout.blobs, `${INCOMING_PREFIX}${id}.partial`);
}
