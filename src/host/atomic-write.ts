import { randomBytes } from "node:crypto";
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/**
 * Writes a file whole or not at all: temp beside it, fsync, rename, fsync of the folder.
 * Missing folders are made (mode 0700 when the file is private).
 */
export async function writeFileAtomic(
  path: string,
  content: string | Uint8Array,
  options: { readonly mode?: number } = {},
): Promise<void> {
  const mode = options.mode ?? 0o644;
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: (mode & 0o077) === 0 ? 0o700 : 0o755 });
  const temp = join(folder, `.${basename(path)}.${randomBytes(6).toString("hex")}.tmp`);
  try {
    const file = await open(temp, "wx", mode);
    try {
      await file.writeFile(content);
      // The mode given to open() is cut by the umask.
      await file.chmod(mode);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temp, path);
  } catch (error) {
    await rm(temp, { force: true });
    throw error;
  }
  await syncFolder(folder);
}

/**
 * Removes what writers that were killed left in `folder`, of all files or of one. For who knows that nobody else writes these
 * now. What is another user's stays.
 */
export async function removeTemporary(folder: string, of?: string): Promise<void> {
  const names = await readdir(folder).catch((error: unknown): readonly string[] => {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  });
  for (const name of names) {
    const file = temporaryOf(name);
    if (file === undefined || (of !== undefined && file !== of)) continue;
    await rm(join(folder, name), { force: true }).catch((error: unknown) => {
      if (!isErrno(error, "EACCES", "EPERM")) throw error;
    });
  }
}

/** The file that this name is a temporary one of; undefined for any other. */
export function temporaryOf(name: string): string | undefined {
  return /^\.(.+)\.[0-9a-f]{12}\.tmp$/.exec(name)?.[1];
}

/** Makes a rename in `folder` durable. Platforms that cannot open folders (Windows) do without. */
export async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (!isErrno(error, "EISDIR", "EPERM", "EACCES", "EINVAL")) throw error;
  }
}

export function isErrno(error: unknown, ...codes: readonly string[]): boolean {
  return (
    error instanceof Error &&
    "code" in error &&
    typeof error.code === "string" &&
    codes.includes(error.code)
  );
}
