import { readFile } from "node:fs/promises";
import type { ModelFacts, SnapshotModel } from "../model.ts";
import { snapshotFacts, snapshotTemplate } from "../snapshot/facts.ts";
import { readSafetensorsHeader } from "../snapshot/safetensors.ts";
import { blobPath, type Layout } from "./layout.ts";

const WEIGHTS = /\.safetensors$/;

export function isWeights({ path }: SnapshotModel["files"][number]): boolean {
  return WEIGHTS.test(path);
}

/** What the files of a snapshot say about the model. `MODEL_UNAVAILABLE` when its weights are not whole, or its configuration says nothing. `name` is for messages. */
export async function readSnapshot(
  layout: Layout,
  files: SnapshotModel["files"],
  name: string,
): Promise<{ readonly facts: ModelFacts; readonly chatTemplate: string | null }> {
  const headers = [];
  for (const { path, digest } of files.filter(isWeights)) {
    headers.push(await readSafetensorsHeader(blobPath(layout, digest), `${path} of ${name}`));
  }
  const texts = new Map<string, string>();
  for (const { path, digest } of files) {
    // Vocabularies are large, and say nothing about the model.
    if (/config\.json$|\.index\.json$|^chat_template/.test(path)) {
      texts.set(path, await readFile(blobPath(layout, digest), "utf8"));
    }
  }
  const text = (file: string): string | undefined => texts.get(file);
  return {
    facts: snapshotFacts({ text, headers }, name),
    chatTemplate: snapshotTemplate(text) ?? null,
  };
}
