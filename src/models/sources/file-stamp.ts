import { stat } from "node:fs/promises";
import { isErrno } from "../../host/atomic-write.ts";

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
