import { createHash } from "node:crypto";
import { chmod, mkdir, stat } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, sep } from "node:path";
import { isErrno } from "../../host/atomic-write.ts";
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

/**
 * Makes the folder and those above it; the new ones from `root` down are readable for every user whatever the umask is.
 * One that is there keeps its mode: a team may have given its folder another on purpose.
 */
export async function makeFolder(root: string, folder: string): Promise<void> {
  const outermost = await mkdir(folder, { recursive: true });
  if (outermost === undefined) return;
  for (let at = folder; isWithin(root, at) && isWithin(outermost, at); at = dirname(at)) {
    const { mode } = await stat(at);
    if ((mode & READABLE) === READABLE) continue;
    await chmod(at, (mode & 0o7777) | READABLE).catch(unlessDenied);
  }
}

function isWithin(top: string, path: string): boolean {
  const way = relative(top, path);
  return way !== ".." && !way.startsWith(`..${sep}`);
}

/** Listed and entered by everyone: the engine in a container is another user. */
const READABLE = 0o555;

/** Another user made it at the same moment, or the file system has modes of its own. */
function unlessDenied(error: unknown): void {
  if (!isErrno(error, "EPERM", "ENOTSUP")) throw error;
}
