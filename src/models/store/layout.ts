import { createHash } from "node:crypto";
import { chmod, mkdir } from "node:fs/promises";
import { isAbsolute, join, relative, sep } from "node:path";
import type { Host } from "../../host/host.ts";
import { digestSchema, type Digest, type SnapshotModel } from "../model.ts";
import type { OllamaName } from "../ollama-name.ts";

/** Absolute paths of a store. `blobs` and `manifests` are what Ollama reads as its models folder. */
export interface Layout {
  readonly root: string;
  readonly blobs: string;
  readonly manifests: string;
  /** A folder for each model in safetensors: its blobs under their own names. */
  readonly snapshots: string;
  /** One JSON record for each canonical reference. */
  readonly index: string;
  /** Archives that a model is taken out of; nothing in it outlives the fetch. */
  readonly downloads: string;
  readonly locks: string;
}

/** `STACK_MODELS_DIR`, else `models` in the data folder. */
export function storeRoot(host: Pick<Host, "env" | "paths" | "cwd">): string {
  const chosen = host.env["STACK_MODELS_DIR"];
  if (chosen === undefined || chosen === "") return join(host.paths.data, "models");
  return isAbsolute(chosen) ? chosen : join(host.cwd, chosen);
}

export function storeLayout(root: string): Layout {
  return {
    root,
    blobs: join(root, "blobs"),
    manifests: join(root, "manifests"),
    snapshots: join(root, "snapshots"),
    index: join(root, "index"),
    downloads: join(root, "downloads"),
    locks: join(root, "locks"),
  };
}

/**
 * Base name of a lock. `store` is held for the moment in which a model appears or disappears, `fetch` while a reference
 * is fetched, `file` while one file is written. Lock files cannot be removed safely, so there are few: keys share them.
 */
export function lockBase(locks: string, kind: "store" | "fetch" | "file", key = ""): string {
  if (kind === "store") return join(locks, kind);
  const bucket = createHash("sha256").update(key).digest("hex").slice(0, 2);
  return join(locks, `${kind}-${bucket}`);
}

/** The digest is checked again here: no text from outside becomes part of a path (CVE-2024-37032). */
export function blobPath(layout: Pick<Layout, "blobs">, digest: Digest): string {
  return join(layout.blobs, digestSchema.parse(digest).replace(":", "-"));
}

/** Folder of a snapshot. */
export function snapshotPath(
  layout: Pick<Layout, "root">,
  { snapshot }: Pick<SnapshotModel, "snapshot">,
): string {
  return join(layout.root, snapshot);
}

/** `manifests/<registry>/<namespace>/<name>/<tag>`, relative to the root, with `/` on every platform. */
export function manifestName({ registry, namespace, name, tag }: OllamaName): string {
  return ["manifests", registry, namespace, name, tag].join("/");
}

/** Makes the folder and those above it, down from `root`, readable for every user whatever the umask is. */
export async function makeFolder(root: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o755 });
  const steps = relative(root, folder).split(sep).filter(Boolean);
  let at = root;
  await chmod(at, 0o755);
  for (const step of steps) {
    at = join(at, step);
    await chmod(at, 0o755);
  }
}
