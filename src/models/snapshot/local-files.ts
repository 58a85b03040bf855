import { readFile } from "node:fs/promises";
import { INDEX_FILE, snapshotTexts, snapshotWeights } from "./select.ts";

/**
 * Of files that lie on this machine, those that belong to the snapshot; `at`: where one of them lies. `name` is for messages.
 * `MODEL_UNAVAILABLE` where they are no whole model.
 */
export async function localSnapshotFiles(
  files: readonly string[],
  at: (file: string) => string,
  name: string,
): Promise<readonly string[]> {
  const texts = snapshotTexts(files, name);
  const index = texts.includes(INDEX_FILE) ? await readFile(at(INDEX_FILE), "utf8") : undefined;
  return [...texts, ...snapshotWeights(files, index, name)];
}
