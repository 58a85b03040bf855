import { lstat, readFile, readlink, rmdir, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { StackError } from "../errors.ts";
import { isErrno } from "../host/atomic-write.ts";

/** A file of the user's as it is. */
export interface UserFile {
  readonly bytes: Buffer;
  /** Permission bits. */
  readonly mode: number;
}

/** Undefined when it is not there. */
export async function readUserFile(path: string): Promise<UserFile | undefined> {
  try {
    const [bytes, { mode }] = await Promise.all([readFile(path), stat(path)]);
    return { bytes, mode: mode & 0o7777 };
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** The file that a write must go to, so that a symbolic link stays one; its target need not exist. */
export async function followLinks(path: string): Promise<string> {
  let current = path;
  // Linux gives up after 40 links too.
  for (let links = 0; links < 40; links++) {
    try {
      if (!(await lstat(current)).isSymbolicLink()) return current;
    } catch (error) {
      if (isErrno(error, "ENOENT")) return current;
      throw error;
    }
    current = resolve(dirname(current), await readlink(current));
  }
  throw new StackError("CONFLICT", { what: `${path} is a symbolic link that leads in a circle.` });
}

/** Folders that must be made for a file, outermost first. */
export async function missingFolders(path: string): Promise<string[]> {
  const missing: string[] = [];
  for (let folder = dirname(path); dirname(folder) !== folder; folder = dirname(folder)) {
    if ((await lstat(folder).catch(() => undefined)) !== undefined) break;
    missing.unshift(folder);
  }
  return missing;
}

/** Removes folders, innermost first; one that the user put something into stays, and those around it. */
export async function removeEmpty(folders: readonly string[]): Promise<void> {
  for (const folder of folders.toReversed()) {
    try {
      await rmdir(folder);
    } catch (error) {
      if (isErrno(error, "ENOTEMPTY", "EEXIST", "ENOENT")) return;
      throw error;
    }
  }
}
