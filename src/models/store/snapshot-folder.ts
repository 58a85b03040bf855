import { link, open, readdir, rename, rm, stat, symlink } from "node:fs/promises";
import { join, relative } from "node:path";
import { isErrno, syncFolder } from "../../host/atomic-write.ts";
import type { SnapshotModel } from "../model.ts";
import { blobPath, makeFolder, snapshotPath, type Layout } from "./layout.ts";

type Listing = Pick<SnapshotModel, "snapshot" | "files">;

/**
 * Lays the folder that engines read: every file in it is a blob under a second name. Built beside its place, flushed and
 * renamed; one that is there already gives way. False when a blob has vanished meanwhile.
 */
export async function laySnapshot(layout: Layout, listing: Listing): Promise<boolean> {
  const target = snapshotPath(layout, listing);
  const temp = `${target}${TEMP_SUFFIX}`;
  await rm(temp, { recursive: true, force: true });
  try {
    await makeFolder(layout.root, temp);
    for (const { path, digest } of listing.files) {
      await nameAgain(blobPath(layout, digest), join(temp, path));
    }
    await syncFolder(temp);
    await rm(target, { recursive: true, force: true });
    await rename(temp, target);
  } catch (error) {
    await rm(temp, { recursive: true, force: true });
    if (isErrno(error, "ENOENT")) return false;
    throw error;
  }
  await syncFolder(layout.snapshots);
  return true;
}

/** A hard link; where the file system has none, a symbolic link that stays within the store, which is mounted as a whole. */
async function nameAgain(blob: string, path: string): Promise<void> {
  try {
    await link(blob, path);
  } catch (error) {
    if (isErrno(error, "ENOENT")) throw error;
    await symlink(relative(join(path, ".."), blob), path);
    // A symbolic link to nothing can be made; a hard link cannot.
    await (await open(path, "r")).close();
  }
}

/** Whether each file of the folder is the blob that the record names, by inode: what is read is then what is checked. */
export async function badSnapshotFiles(
  layout: Layout,
  listing: Listing,
): Promise<readonly { readonly path: string; readonly reason: "missing" | "digest" }[]> {
  const checked = await Promise.all(
    listing.files.map(async ({ path: name, digest }) => {
      const path = join(snapshotPath(layout, listing), name);
      const [file, blob] = await Promise.all(
        [path, blobPath(layout, digest)].map((each) => stat(each).catch(() => undefined)),
      );
      if (file === undefined) return { path, reason: "missing" as const };
      // A blob that is missing is reported as itself.
      if (blob === undefined || (file.ino === blob.ino && file.dev === blob.dev)) return undefined;
      return { path, reason: "digest" as const };
    }),
  );
  return checked.filter((each) => each !== undefined);
}

export async function removeSnapshot(
  layout: Layout,
  listing: Pick<SnapshotModel, "snapshot">,
): Promise<void> {
  await rm(snapshotPath(layout, listing), { recursive: true, force: true });
}

/** Folders that no record names, half-built ones among them. */
export async function removeStraySnapshots(
  layout: Layout,
  wanted: ReadonlySet<string>,
): Promise<void> {
  const names = await readdir(layout.snapshots).catch(() => []);
  for (const name of names) {
    if (wanted.has(`snapshots/${name}`)) continue;
    await rm(join(layout.snapshots, name), { recursive: true, force: true });
  }
}

const TEMP_SUFFIX = ".partial";
