import { stat } from "node:fs/promises";
import { partialPath } from "../download/partial.ts";
import type { Digest } from "../model.ts";
import { blobPath, type Layout } from "./layout.ts";

/** Bytes that are still to be written for these blobs: what is whole or in part here is not counted. */
export async function missingBytes(
  layout: Layout,
  blobs: readonly { readonly digest: Digest; readonly size: number }[],
): Promise<number> {
  const missing = await Promise.all(
    blobs.map(async ({ digest, size }) => {
      const path = blobPath(layout, digest);
      const whole = await sizeOf(path);
      const have = whole === size ? size : await sizeOf(partialPath(path));
      return Math.max(0, size - have);
    }),
  );
  return missing.reduce((sum, bytes) => sum + bytes, 0);
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch {
    return 0;
  }
}
