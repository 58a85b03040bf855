import { createHash } from "node:crypto";
import { readFile, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { StackError } from "../errors.ts";
import { isErrno, writeFileAtomic } from "../host/atomic-write.ts";
import type { Host } from "../host/host.ts";

const originalSchema = z.object({
  /** The real file, symbolic links followed. */
  path: z.string(),
  /** Agents whose configuration was written into it. */
  agents: z.array(z.string()),
  /** Undefined when there was no file. */
  original: z.object({ base64: z.string(), mode: z.int() }).optional(),
  /** Folders made for it, outermost first. */
  madeFolders: z.array(z.string()),
  /** SHA-256 of what we wrote last: another content is the user's. */
  writtenSha256: z.string(),
  /** The user changed it between two of our writes. */
  touched: z.boolean(),
});
/** What a file of the user's was before we wrote into it first. */
export type Original = z.infer<typeof originalSchema>;

/** The record of one file. */
export async function readOriginal(host: Host, path: string): Promise<Original | undefined> {
  return parseRecord(recordFile(host, path));
}

/** Mode 0600: the original may hold the user's secrets. */
export async function saveOriginal(host: Host, record: Original): Promise<void> {
  await writeFileAtomic(recordFile(host, record.path), `${JSON.stringify(record)}\n`, {
    mode: 0o600,
  });
}

export async function forgetOriginal(host: Host, path: string): Promise<void> {
  await rm(recordFile(host, path), { force: true });
}

/** Records of every file that this agent's configuration was written into. */
export async function originalsOf(host: Host, agent: string): Promise<readonly Original[]> {
  const records = await Promise.all(
    (await names(folder(host))).map((name) => parseRecord(join(folder(host), name))),
  );
  return records.filter((record) => record?.agents.includes(agent) === true) as Original[];
}

export function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

function folder(host: Host): string {
  return join(host.paths.state, "agent-files");
}

function recordFile(host: Host, path: string): string {
  return join(folder(host), `${sha256(path).slice(0, 32)}.json`);
}

async function names(path: string): Promise<readonly string[]> {
  try {
    return (await readdir(path)).filter((name) => name.endsWith(".json"));
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  }
}

async function parseRecord(path: string): Promise<Original | undefined> {
  try {
    return originalSchema.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    // Taking it for none would make a file that has our lines in it the one to come back to.
    throw new StackError("CONFLICT", {
      what: "A record of what one of your files was before it was written into cannot be read.",
      why: `${path}: ${error instanceof Error ? error.message : String(error)}`,
      next: `look at the file that its "path" names, then remove the record: rm ${path}`,
      cause: error,
    });
  }
}
