import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { writeFileAtomic } from "../../host/atomic-write.ts";
import type { Descriptor } from "./manifest.ts";
import { blobPath, type Layout } from "./layout.ts";

/** Stores a small blob under its digest; one that is there and damaged is written anew. */
export async function putBlob(
  layout: Layout,
  mediaType: string,
  content: string | Uint8Array,
): Promise<Descriptor> {
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}` as const;
  const path = blobPath(layout, digest);
  const there = await readFile(path).catch(() => undefined);
  if (there?.equals(bytes) !== true) await writeFileAtomic(path, bytes);
  return { mediaType, digest, size: bytes.length };
}
