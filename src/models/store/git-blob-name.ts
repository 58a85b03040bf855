import { createHash } from "node:crypto";

/** Name of a content in Git: the SHA-1 of its kind, its length and itself (Git's "Git Objects"). */
export function gitBlobName(content: Uint8Array): string {
  return createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex");
}
