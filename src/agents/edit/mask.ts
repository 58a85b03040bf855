import type { AgentFile } from "../agent.ts";
import { applyEdits } from "./apply.ts";
import { sameData, valueAt } from "./document.ts";
import { readData } from "./read.ts";

/** Both texts with a word in place of each secret: by an edit, so that quotes, escapes and equal words elsewhere do not matter. */
export function maskSecrets(
  file: Pick<AgentFile, "format" | "secrets">,
  before: string,
  after: string,
): { readonly before: string; readonly after: string } {
  const [old, fresh] = [before, after].map((text) => readData(file.format, text));
  const masked = { before, after };
  for (const path of file.secrets) {
    const [was, is] = [valueAt(old, path), valueAt(fresh, path)];
    const mask = (text: string, value: string): string =>
      applyEdits({ format: file.format, edits: [{ path, value }] }, text);
    // One that changes has to show as a change.
    const former = sameData(was, is) ? "<key>" : "<former key>";
    if (was !== undefined) masked.before = mask(masked.before, former);
    if (is !== undefined) masked.after = mask(masked.after, "<key>");
  }
  return masked;
}
