import { readFile } from "node:fs/promises";
import type { ModelFacts } from "../model.ts";
import { snapshotFacts, snapshotTemplate } from "../snapshot/facts.ts";
import { readSafetensorsHeader } from "../snapshot/safetensors.ts";

const WEIGHTS = /\.safetensors$/;

export function isWeights({ path }: { readonly path: string }): boolean {
  return WEIGHTS.test(path);
}

/**
 * What the files of a snapshot say about the model; `at`: where one of them lies. `MODEL_UNAVAILABLE` when its weights are not
 * whole, or its configuration says nothing. `name` is for messages.
 */
export async function readSnapshot<F extends { readonly path: string }>(
  files: readonly F[],
  at: (file: F) => string,
  name: string,
): Promise<{ readonly facts: ModelFacts; readonly chatTemplate: string | null }> {
  const headers = [];
  for (const file of files.filter(isWeights)) {
    headers.push(await readSafetensorsHeader(at(file), `${file.path} of ${name}`));
  }
  const texts = new Map<string, string>();
  for (const file of files) {
    const { path } = file;
    // Vocabularies are large, and say nothing about the model.
    if (/config\.json$|\.index\.json$|^chat_template/.test(path)) {
      texts.set(path, await readFile(at(file), "utf8"));
    }
  }
  const text = (file: string): string | undefined => texts.get(file);
  return {
    facts: snapshotFacts({ text, headers }, name),
    chatTemplate: snapshotTemplate(text) ?? null,
  };
}
