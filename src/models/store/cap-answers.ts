import { existsSync } from "node:fs";
import { readdir, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { writeFileAtomic } from "../../host/atomic-write.ts";
import type { RunContext } from "../../run-context.ts";
import { CAPPED, cappedManifests, cappedPrefix } from "../capped-manifests.ts";
import type { Digest, GgufModel } from "../model.ts";
import { changeStore } from "./change-store.ts";
import { makeFolder, type Layout } from "./layout.ts";
import { manifestSchema, MEDIA, readManifest } from "./manifest.ts";
import { putBlob } from "./put-blob.ts";

/** See `Store.capAnswers`. Ollama merges the layers of parameters of a manifest, the last one first (server/images.go, GetModel). */
export async function capAnswers(
  context: RunContext,
  layout: Layout,
  model: GgufModel,
  maxOutputTokens: number,
): Promise<void> {
  const path = join(
    layout.root,
    dirname(cappedManifests(model, maxOutputTokens)),
    model.ollamaManifest,
  );
  // Its name says all that is in it, so one that is there is right; and what it needs is never collected.
  if (existsSync(path)) return;
  await changeStore(context, layout, async () => {
    const text = await readFile(join(layout.root, model.ollamaManifest), "utf8");
    const manifest = manifestSchema.parse(JSON.parse(text));
    const cap = JSON.stringify({ num_predict: maxOutputTokens });
    const layers = [...manifest.layers, await putBlob(layout, MEDIA.params, cap)];
    await makeFolder(layout.root, dirname(path));
    await writeFileAtomic(path, JSON.stringify({ ...manifest, layers, mediaType: MEDIA.manifest }));
  });
}

/** Removes those that were made of this manifest. Digests that they needed. */
export async function removeCapped(
  layout: Layout,
  model: Pick<GgufModel, "ollamaManifest">,
): Promise<readonly Digest[]> {
  const needed: Digest[] = [];
  for (const name of await cappedNames(layout)) {
    const folder = join(layout.root, CAPPED, name);
    const digests = await readManifest(join(folder, model.ollamaManifest));
    if (digests === "missing") continue;
    if (digests !== "unreadable") needed.push(...digests);
    await rm(folder, { recursive: true, force: true });
  }
  return needed;
}

/** Removes those of models that are gone, or are others now. */
export async function removeStrayCapped(
  layout: Layout,
  models: readonly GgufModel[],
): Promise<void> {
  const prefixes = models.map(cappedPrefix);
  for (const name of await cappedNames(layout)) {
    if (prefixes.some((prefix) => name.startsWith(prefix))) continue;
    await rm(join(layout.root, CAPPED, name), { recursive: true, force: true });
  }
}

async function cappedNames(layout: Layout): Promise<readonly string[]> {
  return readdir(join(layout.root, CAPPED)).catch(() => []);
}
