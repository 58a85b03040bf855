import { statfs } from "node:fs/promises";
import { StackError } from "../../errors.ts";
import { isErrno } from "../../host/atomic-write.ts";
import { formatBytes } from "../bytes.ts";

/** Bytes that an ordinary user may still write on the file system of `folder`. */
export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/** `DOES_NOT_FIT` unless `bytes` more fit; asked before the first byte is moved. */
export async function requireSpace(folder: string, bytes: number, what: string): Promise<void> {
  const free = await freeBytes(folder);
  if (bytes <= free) return;
  throw new StackError("DOES_NOT_FIT", {
    what: `There is no room for ${what}.`,
    why: `${formatBytes(bytes)} are needed in ${folder} and ${formatBytes(free)} are free.`,
    next: "free space with stack models rm, or set STACK_MODELS_DIR to another disk",
  });
}

/** A write that failed for want of space becomes `DOES_NOT_FIT`; what is written stays, to go on from. */
export function fullDisk(error: unknown, folder: string, what: string): unknown {
  if (!isErrno(error, "ENOSPC", "EDQUOT", "EFBIG")) return error;
  return new StackError("DOES_NOT_FIT", {
    what: `The disk became full while ${what} was written.`,
    why: `Nothing more fits in ${folder}; what is there is kept and goes on later.`,
    next: "free space with stack models rm, or set STACK_MODELS_DIR to another disk",
    cause: error,
  });
}
