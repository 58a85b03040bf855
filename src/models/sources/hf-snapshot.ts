import { readFile, stat } from "node:fs/promises";
import { StackError } from "../../errors.ts";
import { forEachBounded } from "../download/bounded.ts";
import { requireSpace } from "../download/disk-space.ts";
import { download } from "../download/download.ts";
import type { Digest } from "../model.ts";
import { formatReference } from "../reference.ts";
import { localSnapshotFiles } from "../snapshot/local-files.ts";
import { INDEX_FILE, snapshotTexts, snapshotWeights } from "../snapshot/select.ts";
import { gitBlobName } from "../store/git-blob-name.ts";
import { blobPath } from "../store/layout.ts";
import { missingBytes } from "../store/missing.ts";
import { putBlob } from "../store/put-blob.ts";
import {
  authorization,
  checksumByHead,
  explainRefusal,
  fetchHubText,
  listRepository,
  refuseWithoutNetwork,
  uncheckable,
  type HfReference,
  type HubFile,
} from "./hf-api.ts";
import {
  cachedFile,
  cachedRepository,
  findBlobInHubCache,
  takeFromHubCache,
  type CachedRepository,
} from "./hf-cache.ts";
import { hubSettings, type HubSettings } from "./hf-settings.ts";
import type { Acquired, SnapshotFile, SourceTools } from "./source.ts";

/** Files under way at once, as for Ollama's blobs. */
const PARALLEL = 3;

/** Takes a model in safetensors from the Hub's cache on this machine when it is whole there, else downloads by commit what the cache has not. */
export async function acquireSnapshotFromHub(
  tools: SourceTools,
  reference: HfReference,
): Promise<Acquired> {
  const settings = await hubSettings(tools.context.host);
  const cached = await cachedRepository(settings.cache, reference);
  const whole = cached === undefined ? undefined : await wholeModel(cached);
  if (cached !== undefined && whole !== undefined) {
    const name = formatReference(reference);
    const found = await Promise.all(
      whole.map(async (path) => ({ path, file: await cachedFile(cached.at(path)) })),
    );
    for (const { file } of found) tools.meter.expect(file.bytes);
    const files: SnapshotFile[] = [];
    for (const { path, file } of found) {
      files.push({ path, ...(await takeFromHubCache(tools, `${name}/${path}`, file)) });
    }
    return { kind: "snapshot", files };
  }
  refuseWithoutNetwork(tools, settings, reference);
  return fetchSnapshot(tools, settings, reference);
}

/** The files of a snapshot if all are there; the Hub's tools fetch only what they are asked for, often without a tokenizer. */
export async function wholeModel({
  files,
  at,
}: CachedRepository): Promise<readonly string[] | undefined> {
  try {
    return await localSnapshotFiles(files, at, "the cache");
  } catch {
    return undefined;
  }
}

async function fetchSnapshot(
  tools: SourceTools,
  settings: HubSettings,
  reference: HfReference,
): Promise<Acquired> {
  const name = formatReference(reference);
  const { layout, meter } = tools;
  const listed = await listRepository(tools, settings, reference);
  const paths = listed.map(({ path }) => path);
  const done = new Map<string, SnapshotFile>();
  const fetchAll = async (wanted: readonly string[]): Promise<void> => {
    const files = listed.filter(({ path }) => wanted.includes(path));
    for (const { bytes = 0 } of files) meter.expect(bytes);
    await requireSpace(layout.blobs, await missingBytes(layout, checkable(files)), name);
    await forEachBounded(files, PARALLEL, async (file) => {
      done.set(file.path, await fetchFile(tools, settings, reference, file));
    });
  };
  await fetchAll(snapshotTexts(paths, name));
  const index = done.get(INDEX_FILE);
  const indexText =
    index === undefined ? undefined : await readFile(blobPath(layout, index.digest), "utf8");
  await fetchAll(snapshotWeights(paths, indexText, name));
  return { kind: "snapshot", files: [...done.values()] };
}

async function fetchFile(
  tools: SourceTools,
  settings: HubSettings,
  reference: HfReference,
  file: HubFile,
): Promise<SnapshotFile> {
  const { path } = file;
  const name = formatReference(reference);
  const checksum = file.checksum ?? (await checksumByHead(tools, settings, reference, file));
  if (checksum === undefined) throw uncheckable(settings, `${path} of ${name}`);
  const cached = await findBlobInHubCache(settings.cache, reference.repo, checksum);
  if (cached !== undefined) {
    return { path, ...(await takeFromHubCache(tools, `${name}/${path}`, cached)) };
  }
  if (checksum.kind === "git") {
    const blob = await fetchText(tools, settings, reference, file, checksum.sha1);
    return { path, ...blob };
  }
  const target = blobPath(tools.layout, checksum.digest);
  await download(tools, target, {
    url: file.url,
    digest: checksum.digest,
    bytes: file.bytes,
    name: `${path} of ${name}`,
    headers: () => authorization(settings),
    explain: (trouble, cause) => explainRefusal(settings, reference, trouble, cause),
  });
  return { path, digest: checksum.digest, bytes: file.bytes ?? (await stat(target)).size };
}

/** A file that is kept in Git itself: small, and checked by its name there. */
async function fetchText(
  tools: SourceTools,
  settings: HubSettings,
  reference: HfReference,
  file: HubFile,
  sha1: string,
): Promise<{ readonly digest: Digest; readonly bytes: number }> {
  const { path, url } = file;
  const name = `${path} of ${formatReference(reference)}`;
  const body = await fetchHubText(tools, settings, reference, file);
  const found = gitBlobName(body);
  if (found !== sha1) {
    throw new StackError("DIGEST_MISMATCH", {
      what: `${name} does not have the checksum that was promised.`,
      why: `${new URL(url).host} sent ${found}, promised was ${sha1}. Nothing of it was kept.`,
      next: "try again later; if it stays, do not use this source",
    });
  }
  const { digest, size } = await putBlob(tools.layout, "", body);
  tools.meter.at(url, size);
  return { digest, bytes: size };
}

/** Those whose place in the pool is known before they are fetched. */
function checkable(
  files: readonly HubFile[],
): readonly { readonly digest: Digest; readonly size: number }[] {
  return files.flatMap(({ checksum, bytes }) =>
    checksum?.kind === "sha256" && bytes !== undefined
      ? [{ digest: checksum.digest, size: bytes }]
      : [],
  );
}
