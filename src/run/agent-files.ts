import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { AgentFile } from "../agents/agent.ts";
import { describePath } from "../agents/edit/document.ts";
import { maskSecrets } from "../agents/edit/mask.ts";
import { writeFileAtomic } from "../host/atomic-write.ts";
import type { Host } from "../host/host.ts";
import { fileChanges, type EmittedAgent, type FileChange } from "./agent-config.ts";
import { readOriginal, saveOriginal, sha256, type Original } from "./agent-originals.ts";
import { changedLines, type ChangedLine } from "./changed-lines.ts";
import { followLinks, missingFolders, readUserFile } from "./user-file.ts";

/** What was (or with `dryRun` would be) done to one file. */
export interface WrittenFile {
  readonly path: string;
  readonly change: "created" | "edited" | "none";
  /** Keys that are set in it, as dotted paths. */
  readonly keys: readonly string[];
  /** Lines that go and lines that come, without context; keys, ours and the user's before it, are masked. */
  readonly lines: readonly ChangedLine[];
}

/**
 * Edits the user's files for an agent; ours are written along. The original is kept for `undoAgentConfig`.
 * All files are read and edited before the first is written, so a broken one stops everything.
 */
export async function writeAgentConfig(
  host: Host,
  { agent, config }: Pick<EmittedAgent, "agent" | "config">,
  options: { readonly dryRun: boolean },
): Promise<readonly WrittenFile[]> {
  const changes = await fileChanges(config.files);
  if (!options.dryRun) {
    for (const change of changes) {
      if (change.file.owner === "ours") await writeOurs(change);
      else await writeTheirs(host, agent.name, change);
    }
  }
  return changes
    .filter(({ file }) => file.owner === "theirs")
    .map((change) => describeChange(change));
}

/** Writes a file that only we and the agent know of. */
export async function writeOurs(
  { file, before, after }: FileChange,
  mode = modeOf(file, 0o644),
): Promise<void> {
  if (before === after) return;
  await writeFileAtomic(file.path, after, { mode });
}

function modeOf({ secrets }: AgentFile, otherwise: number): number {
  return secrets.length > 0 ? 0o600 : otherwise;
}

async function writeTheirs(host: Host, agent: string, change: FileChange): Promise<void> {
  const path = await followLinks(change.file.path);
  const current = await readUserFile(path);
  const mode = modeOf(change.file, current?.mode ?? 0o644);
  if (current !== undefined && change.before === change.after && current.mode === mode) return;
  const known = await readOriginal(host, path);
  const record: Original = {
    path,
    agents: [...new Set([...(known?.agents ?? []), agent])],
    original:
      known === undefined
        ? current && { base64: current.bytes.toString("base64"), mode: current.mode }
        : known.original,
    madeFolders: known?.madeFolders ?? (await missingFolders(path)),
    writtenSha256: sha256(change.after),
    touched:
      known !== undefined &&
      (known.touched || current === undefined || sha256(current.bytes) !== known.writtenSha256),
  };
  // The record comes first: a crash between the two leaves an undo that restores what is there anyway.
  await saveOriginal(host, record);
  await mkdir(dirname(path), { recursive: true });
  await writeFileAtomic(path, change.after, { mode });
}

function describeChange({ file, before, after }: FileChange): WrittenFile {
  const masked = maskSecrets(file, before ?? "", after);
  return {
    path: file.path,
    change: before === undefined ? "created" : before === after ? "none" : "edited",
    keys: file.edits.map((edit) => describePath(edit.path)),
    lines: changedLines(masked.before, masked.after),
  };
}
