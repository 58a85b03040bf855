import { stat } from "node:fs/promises";
import { isErrno } from "../../host/atomic-write.ts";

/** Size and time of a file, to notice later that it is another one; undefined when it is gone. */
export async function fileStamp(path: string): Promise<string | undefined> {
  try {
    const { size, mtimeMs } = await stat(path);
    return `${size}:${mtimeMs}`;
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}
