import { readFile, stat } from "node:fs/promises";
import { StackError } from "../errors.ts";
import { isErrno } from "../host/atomic-write.ts";
import type { RunContext } from "../run-context.ts";

/** A key, and nothing that could not stand in an HTTP header. */
const KEY = /^[\x21-\x7e]+$/;

/**
 * The key of a server that is not ours, from its file: trimmed, one word. Warns when others may read the file.
 * Without a file it is `none`: clients want a key that is not empty, and a server without one does not look at it.
 */
export async function readKeyFile(context: RunContext, file: string | undefined): Promise<string> {
  if (file === undefined) return NO_KEY;
  const text = await read(file);
  const key = text.trim();
  if (!KEY.test(key)) {
    throw new StackError("USAGE", {
      what: `${file} holds no key.`,
      why: key === "" ? "It is empty." : "It must hold one word, and nothing else.",
      next: `write the key, and only that, into ${file}`,
    });
  }
  const { mode } = await stat(file);
  if (context.host.platform !== "win32" && (mode & 0o077) !== 0) {
    context.emit({
      type: "warning",
      message: `Others on this machine may read ${file}.`,
      next: `chmod 600 ${file}`,
    });
  }
  return key;
}

/** Stands where a server has no key. */
export const NO_KEY = "none";

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new StackError("USAGE", {
      what: `The file with the key, ${file}, ${isErrno(error, "ENOENT") ? "is not there" : "cannot be read"}.`,
      why: error instanceof Error ? `${error.message}.` : undefined,
      next: "name the file with --key-file, or in STACK_KEY_FILE",
      cause: error,
    });
  }
}
