import { open } from "node:fs/promises";
import { isErrno } from "../host/atomic-write.ts";

/** Bytes read from the end of a log: 200 long lines fit. */
const WINDOW = 256 * 1024;

/** The last `count` lines of a file, however large it is; none when it isn't there. */
export async function lastLines(file: string, count: number): Promise<readonly string[]> {
  try {
    const handle = await open(file, "r");
    try {
      const { size } = await handle.stat();
      const length = Math.min(size, WINDOW);
      const { buffer } = await handle.read(Buffer.alloc(length), 0, length, size - length);
      const lines = buffer.toString("utf8").split("\n");
      if (lines.at(-1) === "") lines.pop();
      // The first line of a window in the middle of the file is cut.
      if (length < size) lines.shift();
      return lines.slice(-count);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  }
}
