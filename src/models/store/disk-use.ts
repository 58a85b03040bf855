import { lstat, readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { isErrno } from "../../host/atomic-write.ts";
import { freeBytes } from "../download/disk-space.ts";
import type { Digest } from "../model.ts";
import type { DiskUse } from "../store.ts";
import { makeFolder, type Layout } from "./layout.ts";
import { digestsByManifest } from "./manifest.ts";
import { readIndex } from "./records.ts";

interface FoundFile {
  readonly path: string;
  readonly inode: string;
  readonly size: number;
  /** Bytes on disk: blocks, not length, for sparse and compressed files. */
  readonly onDisk: number;
}

/** See `Store.df`. */
export async function diskUse(layout: Layout): Promise<DiskUse> {
  await makeFolder(layout.root, layout.root);
  const [files, { records, foreign }, manifests] = await Promise.all([
    listFiles(layout.root),
    readIndex(layout),
    digestsByManifest(layout),
  ]);
  const users = new Map<Digest, number>();
  for (const { blobs } of records) {
    for (const { digest } of blobs) users.set(digest, (users.get(digest) ?? 0) + 1);
  }
  const needed = new Set(
    [
      ...users.keys(),
      ...[...manifests.values()].flat(),
      ...foreign.flatMap(({ digests }) => digests),
    ].map(blobFileName),
  );
  const partial = files.filter(({ path }) => isPartial(layout, path));
  const unused = files.filter(
    ({ path }) => path.startsWith(layout.blobs) && BLOB.test(path) && !needed.has(basename(path)),
  );
  return {
    root: layout.root,
    totalBytes: sumByInode(files),
    models: records.map(({ reference, format, blobs }) => ({
      reference,
      format,
      bytes: blobs.reduce((sum, { bytes }) => sum + bytes, 0),
      sharedBytes: blobs
        .filter(({ digest }) => (users.get(digest) ?? 0) > 1)
        .reduce((sum, { bytes }) => sum + bytes, 0),
    })),
    partialBytes: sumByInode(partial),
    unusedBytes: sumByInode(unused),
    freeBytes: await freeBytes(layout.root),
  };
}

export const BLOB = /[\\/]sha256-[0-9a-f]{64}$/;

export function blobFileName(digest: Digest): string {
  return digest.replace(":", "-");
}

/** Half-fetched: a `.partial` file, its notes, or an archive that a model is taken out of. */
export function isPartial(layout: Layout, path: string): boolean {
  return /\.partial(\.json)?$/.test(path) || (path.startsWith(layout.downloads) && BLOB.test(path));
}

/** Every file below the folder. One that vanishes meanwhile is left out. */
export async function listFiles(folder: string): Promise<readonly FoundFile[]> {
  let entries;
  try {
    entries = await readdir(folder, { recursive: true, withFileTypes: true });
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  }
  const found = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map(async (entry): Promise<FoundFile | undefined> => {
        const path = join(entry.parentPath, entry.name);
        try {
          const { dev, ino, size, blocks } = await lstat(path);
          // Windows counts no blocks.
          return { path, inode: `${dev}:${ino}`, size, onDisk: blocks > 0 ? blocks * 512 : size };
        } catch {
          return undefined;
        }
      }),
  );
  return found.filter((file) => file !== undefined);
}

function sumByInode(files: readonly FoundFile[]): number {
  const byInode = new Map(files.map(({ inode, onDisk }) => [inode, onDisk]));
  return byInode.values().reduce((sum, bytes) => sum + bytes, 0);
}
