import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import type { Digest } from "../model.ts";
import type { WrittenBlob } from "./write-blob.ts";

const READ_SIZE = 4 * 1024 * 1024;

/** sha256 of a file. `onBytes` is told the position; an abort ends it between two reads. */
export async function hashFile(
  path: string,
  signal: AbortSignal,
  onBytes: (position: number) => void = () => {},
): Promise<WrittenBlob> {
  const file = await open(path, "r");
  try {
    const hash = createHash("sha256");
    const buffer = Buffer.allocUnsafe(READ_SIZE);
    let bytes = 0;
    for (;;) {
      signal.throwIfAborted();
      const { bytesRead } = await file.read(buffer, 0, buffer.length, bytes);
      if (bytesRead === 0) break;
      hash.update(buffer.subarray(0, bytesRead));
      bytes += bytesRead;
      onBytes(bytes);
    }
    const digest: Digest = `sha256:${hash.digest("hex")}`;
    return { digest, bytes };
  } finally {
    await file.close();
  }
}
