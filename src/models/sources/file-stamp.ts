import { createHash } from "node:crypto";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { isErrno } from "../../host/atomic-write.ts";
import { isSnapshotFile } from "../snapshot/select.ts";

/** Size and time of a file, to notice later that it is another one; undefined when it is gone, or is no file. */
export async function fileStamp(path: string): Promise<string | undefined> {
  try {
    const found = await stat(path);
    return found.isFile() ? `${found.size}:${found.mtimeMs}` : undefined;
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

/** The same for a folder: of every file in it that may belong to a snapshot. Undefined when it is gone, or is no folder. */
export async function folderStamp(folder: string): Promise<string | undefined> {
  let names: readonly string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
  const stamps = await Promise.all(
    names
      .filter(isSnapshotFile)
      .toSorted()
      .map(async (name) => `${name} ${await fileStamp(join(folder, name))}`),
  );
  return createHash("sha256").update(stamps.join("\n")).digest("hex");
}
