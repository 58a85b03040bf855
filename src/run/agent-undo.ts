import { rm } from "node:fs/promises";
import { writeFileAtomic } from "../host/atomic-write.ts";
import type { Host } from "../host/host.ts";
import { forgetOriginal, originalsOf, sha256, type Original } from "./agent-originals.ts";
import { readUserFile, removeEmpty, type UserFile } from "./user-file.ts";

/** What became of one file. */
export interface UndoneFile {
  readonly path: string;
  readonly change: "restored" | "removed" | "none";
  /** Where the user's later version went, when there was one. */
  readonly keptCopy?: string;
}

/**
 * Puts back, byte for byte, what was there before an agent's configuration was first written, or removes the file
 * when there was none. A version that the user changed since is kept beside it. Needs no running stack.
 */
export async function undoAgentConfig(host: Host, agent: string): Promise<readonly UndoneFile[]> {
  const undone: UndoneFile[] = [];
  for (const record of await originalsOf(host, agent)) {
    undone.push(await undoFile(record));
    await forgetOriginal(host, record.path);
  }
  return undone;
}

async function undoFile(record: Original): Promise<UndoneFile> {
  const { path, original } = record;
  const current = await readUserFile(path);
  const bytes = original === undefined ? undefined : Buffer.from(original.base64, "base64");
  const same =
    bytes === undefined
      ? current === undefined
      : current !== undefined && bytes.equals(current.bytes);
  if (same && current?.mode === original?.mode) return { path, change: "none" };
  const theirs =
    current !== undefined &&
    !same &&
    (record.touched || sha256(current.bytes) !== record.writtenSha256);
  const keptCopy = theirs ? await keepCopy(path, current) : undefined;
  if (bytes === undefined || original === undefined) {
    await rm(path, { force: true });
    await removeEmpty(record.madeFolders);
  } else {
    await writeFileAtomic(path, bytes, { mode: original.mode });
  }
  const change = bytes === undefined ? "removed" : "restored";
  return keptCopy === undefined ? { path, change } : { path, change, keptCopy };
}

/** The first free name of `<file>.stack-edited`, `<file>.stack-edited.2`, … */
async function keepCopy(path: string, current: UserFile): Promise<string> {
  for (let number = 1; ; number++) {
    const copy = `${path}.stack-edited${number === 1 ? "" : `.${number}`}`;
    if ((await readUserFile(copy)) !== undefined) continue;
    await writeFileAtomic(copy, current.bytes, { mode: current.mode });
    return copy;
  }
}
