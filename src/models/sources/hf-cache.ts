import { constants } from "node:fs";
import { chmod, copyFile, link, readdir, readFile, realpath, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { StackError } from "../../errors.ts";
import { digestSchema } from "../model.ts";
import { hashFile } from "../store/hash-file.ts";
import { incomingPath, publishBlob, type WrittenBlob } from "../store/write-blob.ts";
import { recordId } from "../store/records.ts";
import { selectGguf } from "./hf-select.ts";
import type { SourceTools } from "./source.ts";

export interface CachedFile {
  /** The file itself, links followed. */
  readonly path: string;
  readonly bytes: number;
}

/** A GGUF that Hugging Face's own tools have downloaded already: `models--org--name/{refs,snapshots,blobs}`. */
export async function findInHubCache(
  cache: string,
  wanted: { readonly repo: string; readonly revision: string; readonly select: string | undefined },
): Promise<CachedFile | undefined> {
  const folder = join(cache, `models--${wanted.repo.replace("/", "--")}`);
  try {
    const commit = await readRef(folder, wanted.revision);
    const snapshot = join(folder, "snapshots", commit);
    const files = (await readdir(snapshot, { recursive: true })).map((file) =>
      file.replaceAll("\\", "/"),
    );
    const path = await realpath(join(snapshot, selectGguf(files, wanted.select, wanted.repo)));
    return { path, bytes: (await stat(path)).size };
  } catch {
    // Not there, or not the file that is wanted: then it is downloaded.
    return undefined;
  }
}

/** A branch or tag by its `refs` file; a commit is its own name. */
async function readRef(folder: string, revision: string): Promise<string> {
  if (/^[0-9a-f]{40}$/.test(revision)) return revision;
  const commit = (await readFile(join(folder, "refs", revision), "utf8")).trim();
  if (!/^[0-9a-f]{40}$/.test(commit)) throw new Error("no commit");
  return commit;
}

/**
 * Takes the cached file into the pool, by hard link where that can be (the Hub's cache never changes a blob),
 * else by reflink or copy, and checks it against the sha256 that is its name there.
 */
export async function takeFromHubCache(
  tools: SourceTools,
  name: string,
  file: CachedFile,
): Promise<WrittenBlob> {
  const { layout, context, meter } = tools;
  const temp = incomingPath(layout, recordId(name));
  await rm(temp, { force: true });
  tools.meter.expect(file.bytes);
  try {
    await linkOrCopy(file.path, temp);
    const blob = await hashFile(temp, context.signal, (position) => meter.at(temp, position));
    const promised = digestSchema.safeParse(`sha256:${basename(file.path)}`);
    if (promised.success && promised.data !== blob.digest) {
      throw new StackError("DIGEST_MISMATCH", {
        what: `${file.path} is damaged.`,
        why: `Its name says ${promised.data}, found ${blob.digest}.`,
        next: `delete it and run the command again: it is then downloaded`,
      });
    }
    await publishBlob(layout, temp, blob.digest);
    return blob;
  } catch (error) {
    await rm(temp, { force: true });
    throw error;
  }
}

async function linkOrCopy(path: string, temp: string): Promise<void> {
  const { mode } = await stat(path);
  // A container's user must be able to read it, and the mode of the Hub's file is not ours to change.
  if ((mode & 0o004) !== 0) {
    try {
      await link(path, temp);
      return;
    } catch {
      // Another file system, or links are not allowed: copy.
    }
  }
  await copyFile(path, temp, constants.COPYFILE_FICLONE);
  await chmod(temp, 0o644);
}
