import { constants } from "node:fs";
import { chmod, copyFile, link, readdir, readFile, realpath, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { StackError } from "../../errors.ts";
import { gitBlobName } from "../store/git-blob-name.ts";
import { hashFile } from "../store/hash-file.ts";
import { incomingPath, publishBlob, type WrittenBlob } from "../store/write-blob.ts";
import { recordId } from "../store/records.ts";
import { checksumOf, type Checksum } from "./hf-api.ts";
import { selectGguf } from "./hf-select.ts";
import type { SourceTools } from "./source.ts";

export interface CachedFile {
  /** The file itself, links followed. */
  readonly path: string;
  readonly bytes: number;
}

/** A repository that Hugging Face's own tools have downloaded, whole or in part: `models--org--name/{refs,snapshots,blobs}`. */
export interface CachedRepository {
  /** Paths within the repository, with `/`. */
  readonly files: readonly string[];
  /** Where one of them lies. */
  readonly at: (file: string) => string;
}

export async function cachedRepository(
  cache: string,
  wanted: { readonly repo: string; readonly revision: string },
): Promise<CachedRepository | undefined> {
  const folder = repositoryFolder(cache, wanted.repo);
  try {
    const snapshot = join(folder, "snapshots", await readRef(folder, wanted.revision));
    const files = (await readdir(snapshot, { recursive: true })).map((file) =>
      file.replaceAll("\\", "/"),
    );
    return { files, at: (file) => join(snapshot, file) };
  } catch {
    // Not there: then it is downloaded.
    return undefined;
  }
}

/** A GGUF that is in the cache already. */
export async function findInHubCache(
  cache: string,
  wanted: { readonly repo: string; readonly revision: string; readonly select: string | undefined },
): Promise<CachedFile | undefined> {
  const repository = await cachedRepository(cache, wanted);
  if (repository === undefined) return undefined;
  try {
    return await cachedFile(
      repository.at(selectGguf(repository.files, wanted.select, wanted.repo)),
    );
  } catch {
    // Not the file that is wanted.
    return undefined;
  }
}

/** A file of this content, whatever revisions it belongs to. */
export async function findBlobInHubCache(
  cache: string,
  repo: string,
  checksum: Checksum,
): Promise<CachedFile | undefined> {
  const hex = checksum.kind === "git" ? checksum.sha1 : checksum.digest.slice("sha256:".length);
  return cachedFile(join(repositoryFolder(cache, repo), "blobs", hex)).catch(() => undefined);
}

export async function cachedFile(name: string): Promise<CachedFile> {
  const path = await realpath(name);
  return { path, bytes: (await stat(path)).size };
}

function repositoryFolder(cache: string, repo: string): string {
  return join(cache, `models--${repo.replace("/", "--")}`);
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
 * else by reflink or copy, and checks it against the checksum that is its name there. `name` is unique to the file.
 */
export async function takeFromHubCache(
  tools: SourceTools,
  name: string,
  file: CachedFile,
): Promise<WrittenBlob> {
  const { layout, context, meter } = tools;
  const temp = incomingPath(layout, recordId(name));
  await rm(temp, { force: true });
  try {
    await linkOrCopy(file.path, temp);
    const blob = await hashFile(temp, context.signal, (position) => meter.at(temp, position));
    const promised = checksumOf(basename(file.path));
    const found = await nameOf(promised, temp, blob);
    if (found !== undefined) {
      throw new StackError("DIGEST_MISMATCH", {
        what: `${file.path} is damaged.`,
        why: `Its name is the checksum of its content, which has ${found}.`,
        next: "delete it and run the command again: it is then downloaded",
      });
    }
    await publishBlob(layout, temp, blob.digest, context.signal);
    return blob;
  } catch (error) {
    await rm(temp, { force: true });
    throw error;
  }
}

/** The checksum that the content has instead of the promised one; undefined when it is the same, or none was promised. */
async function nameOf(
  promised: Checksum | undefined,
  path: string,
  blob: WrittenBlob,
): Promise<string | undefined> {
  if (promised === undefined) return undefined;
  if (promised.kind === "sha256") {
    return promised.digest === blob.digest ? undefined : blob.digest;
  }
  const name = gitBlobName(await readFile(path));
  return name === promised.sha1 ? undefined : name;
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
