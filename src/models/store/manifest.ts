import { readdir, readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import * as z from "zod";
import { isErrno } from "../../host/atomic-write.ts";
import { CAPPED } from "../capped-manifests.ts";
import { digestSchema, type Digest } from "../model.ts";
import type { Layout } from "./layout.ts";

export const MEDIA = {
  manifest: "application/vnd.docker.distribution.manifest.v2+json",
  config: "application/vnd.docker.container.image.v1+json",
  model: "application/vnd.ollama.image.model",
  template: "application/vnd.ollama.image.template",
  params: "application/vnd.ollama.image.params",
} as const;

const descriptorSchema = z.object({
  mediaType: z.string(),
  digest: digestSchema,
  size: z.int().nonnegative(),
});
export type Descriptor = z.infer<typeof descriptorSchema>;

/** A Docker schema-2 or OCI image manifest, as Ollama writes and reads it. */
export const manifestSchema = z.object({
  schemaVersion: z.literal(2),
  config: descriptorSchema,
  layers: z.array(descriptorSchema).min(1).max(4096),
});
export type Manifest = z.infer<typeof manifestSchema>;

/** The GGUF of a manifest that has one. */
export function weightsLayer({ layers }: Manifest): Descriptor {
  const layer = layers.find(({ mediaType }) => mediaType === MEDIA.model);
  if (layer === undefined) throw new Error("a manifest without weights got past its check");
  return layer;
}

/** Blobs of a manifest, each once. */
export function closure(manifest: Manifest): readonly Descriptor[] {
  const all = [manifest.config, ...manifest.layers];
  return [...new Map(all.map((descriptor) => [descriptor.digest, descriptor])).values()];
}

/** Digests that the manifests of the store need, ours or not, by manifest (relative to the root). One that cannot be read needs nothing. */
export async function digestsByManifest(
  layout: Layout,
): Promise<ReadonlyMap<string, readonly Digest[]>> {
  const found = new Map<string, readonly Digest[]>();
  for (const folder of [layout.manifests, join(layout.root, CAPPED)]) {
    for (const path of await filesBelow(folder)) {
      const name = relative(layout.root, path).split(sep).join("/");
      const digests = await readManifest(path);
      found.set(name, typeof digests === "string" ? [] : digests);
    }
  }
  return found;
}

async function filesBelow(folder: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile() && !entry.name.startsWith("."))
      .map((entry) => join(entry.parentPath, entry.name));
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  }
}

/** Digests that a manifest file names, or what is wrong with it. */
export async function readManifest(
  path: string,
): Promise<readonly Digest[] | "missing" | "unreadable"> {
  try {
    const manifest = manifestSchema.parse(JSON.parse(await readFile(path, "utf8")));
    return closure(manifest).map(({ digest }) => digest);
  } catch (error) {
    return isErrno(error, "ENOENT") ? "missing" : "unreadable";
  }
}
