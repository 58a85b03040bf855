import { rm, rmdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { StackError } from "../../errors.ts";
import type { RunContext } from "../../run-context.ts";
import type { Digest, ModelFormat, StoredModel } from "../model.ts";
import type { RemovedModel } from "../store.ts";
import { removeCapped } from "./cap-answers.ts";
import { changeStore } from "./change-store.ts";
import { blobPath, type Layout } from "./layout.ts";
import { digestsByManifest } from "./manifest.ts";
import { readIndex, readRecord, removeRecord } from "./records.ts";
import { removeSnapshot } from "./snapshot-folder.ts";

/** Removes the record, the manifest or folder, and those blobs that no other record or manifest (Ollama's own, too) needs. */
export async function removeModel(
  context: RunContext,
  layout: Layout,
  reference: string,
  format: ModelFormat,
): Promise<RemovedModel> {
  const known = await readRecord(layout, reference, format);
  if (known === undefined) {
    throw new StackError("MODEL_UNKNOWN", {
      what: `${reference} is not in the store.`,
      next: "stack models ls",
    });
  }
  return changeStore(context, layout, async () => {
    const model = (await readRecord(layout, reference, format)) ?? known;
    const used = await usedDigests(layout, model);
    // The reverse of how it came: first it is no longer visible, then its bytes go.
    await removeRecord(layout, model);
    const digests = new Set(model.blobs.map(({ digest }) => digest));
    if (model.format === "gguf") {
      await removeManifest(layout, model.ollamaManifest);
      for (const digest of await removeCapped(layout, model)) digests.add(digest);
    } else await removeSnapshot(layout, model);
    let freedBytes = 0;
    for (const digest of digests) {
      if (!used.has(digest)) freedBytes += await removeFile(blobPath(layout, digest));
    }
    return { reference, format, servedName: model.servedName, freedBytes };
  });
}

/** Removes a blob that turned out to be of no use, unless something else uses it. */
export async function dropBlob(context: RunContext, layout: Layout, digest: Digest): Promise<void> {
  await changeStore(context, layout, async () => {
    if (!(await usedDigests(layout)).has(digest)) await removeFile(blobPath(layout, digest));
  });
}

/** Every digest that a record or a manifest (Ollama's own, too) needs, those of `except` aside. */
export async function usedDigests(
  layout: Layout,
  except?: StoredModel,
): Promise<ReadonlySet<Digest>> {
  const { records, foreign } = await readIndex(layout);
  const used = new Set<Digest>(foreign.flatMap(({ digests }) => digests));
  for (const { reference, format, blobs } of records) {
    if (reference === except?.reference && format === except.format) continue;
    for (const { digest } of blobs) used.add(digest);
  }
  for (const [manifest, digests] of await digestsByManifest(layout)) {
    // Its own, and those that were made of it.
    if (except?.format === "gguf" && manifest.endsWith(except.ollamaManifest)) continue;
    for (const digest of digests) used.add(digest);
  }
  return used;
}

/** Also the folders that are empty now, up to `manifests`. */
async function removeManifest(layout: Layout, name: string): Promise<void> {
  const path = join(layout.root, name);
  await rm(path, { force: true });
  for (let folder = dirname(path); folder !== layout.manifests; folder = dirname(folder)) {
    try {
      await rmdir(folder);
    } catch {
      return;
    }
  }
}

/** Bytes given back: none when another name (a hard link) keeps them. */
export async function removeFile(path: string): Promise<number> {
  const found = await stat(path).catch(() => undefined);
  await rm(path, { force: true });
  return found === undefined || found.nlink > 1 ? 0 : found.size;
}
