import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "../../host/atomic-write.ts";
import type { RunContext } from "../../run-context.ts";
import { formatOllamaName, type OllamaName } from "../ollama-name.ts";
import type { GgufModel, ModelReference, SnapshotModel } from "../model.ts";
import { preferredName, qualifiedName } from "../served-name.ts";
import { changeStore } from "./change-store.ts";
import { makeFolder, manifestName, type Layout } from "./layout.ts";
import { isComplete, readRecord, readRecords, removeRecord, writeRecord } from "./records.ts";
import { laySnapshot, removeSnapshot } from "./snapshot-folder.ts";

/**
 * Makes a model visible: its manifest, then its record. Both or, after a crash between the two, a manifest that the next attempt takes over.
 * Undefined when one of its blobs has vanished meanwhile (another process removed a model that shared it): fetch again.
 */
export async function commit(
  context: RunContext,
  layout: Layout,
  reference: ModelReference,
  model: Omit<GgufModel, "servedName" | "ollamaManifest">,
  manifest: Buffer,
): Promise<GgufModel | undefined> {
  return changeStore(context, layout, async () => {
    const name = await claimName(layout, reference, model.reference, manifest);
    const ollamaManifest = manifestName(name);
    const stored: GgufModel = { ...model, servedName: formatOllamaName(name), ollamaManifest };
    const path = join(layout.root, ollamaManifest);
    await makeFolder(layout.root, join(path, ".."));
    await writeFileAtomic(path, manifest);
    if (!(await isComplete(layout, stored))) {
      await rm(path, { force: true });
      await removeRecord(layout, stored);
      return undefined;
    }
    await writeRecord(layout, stored);
    return stored;
  });
}

/** Makes a snapshot visible: its folder, then its record. Undefined when one of its blobs has vanished meanwhile: fetch again. */
export async function commitSnapshot(
  context: RunContext,
  layout: Layout,
  model: SnapshotModel,
): Promise<SnapshotModel | undefined> {
  return changeStore(context, layout, async () => {
    const before = await readRecord(layout, model.reference, model.format);
    if (!(await laySnapshot(layout, model)) || !(await isComplete(layout, model))) {
      await removeRecord(layout, model);
      await removeSnapshot(layout, model);
      return undefined;
    }
    await writeRecord(layout, model);
    if (before?.format === "safetensors" && before.snapshot !== model.snapshot) {
      await removeSnapshot(layout, before);
    }
    return model;
  });
}

/** The short name unless another model has it; then one that says where this model is from. */
async function claimName(
  layout: Layout,
  reference: ModelReference,
  canonical: string,
  manifest: Buffer,
): Promise<OllamaName> {
  const records = await readRecords(layout);
  const preferred = preferredName(reference);
  const path = manifestName(preferred);
  const owner = records.find(
    (record) => record.format === "gguf" && record.ollamaManifest === path,
  );
  if (owner !== undefined) {
    return owner.reference === canonical ? preferred : qualifiedName(reference);
  }
  const there = await readIfThere(join(layout.root, path));
  // No record: left by a crash of ours (then the bytes are the same), or by Ollama itself.
  return there === undefined || there.equals(manifest) ? preferred : qualifiedName(reference);
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch {
    return undefined;
  }
}
