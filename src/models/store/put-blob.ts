import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { writeFileAtomic } from "../../host/atomic-write.ts";
import type { Descriptor } from "./manifest.ts";
import { blobPath, type Layout } from "./layout.ts";

/** Stores a small blob under its digest. */
export async function putBlob(
  layout: Layout,
  mediaType: string,
  content: string | Uint8Array,
): Promise<Descriptor> {
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}` as const;
  const path = blobPath(layout, digest);
  const size = await stat(path).then(
    (found) => found.size,
    () => undefined,
  );
  if (size !== bytes.length) await writeFileAtomic(path, bytes);
  return { mediaType, digest, size: bytes.length };
}
