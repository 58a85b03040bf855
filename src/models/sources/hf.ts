import { stat } from "node:fs/promises";
import { requireSpace } from "../download/disk-space.ts";
import { download } from "../download/download.ts";
import type { Digest } from "../model.ts";
import { formatReference } from "../reference.ts";
import { blobPath } from "../store/layout.ts";
import { missingBytes } from "../store/missing.ts";
import {
  authorization,
  checksumByHead,
  explainRefusal,
  listRepository,
  refuseWithoutNetwork,
  uncheckable,
  type HfReference,
  type HubFile,
} from "./hf-api.ts";
import { findInHubCache, takeFromHubCache } from "./hf-cache.ts";
import { selectGguf } from "./hf-select.ts";
import { hubSettings, type HubSettings } from "./hf-settings.ts";
import type { Acquired, AskTools, SourceTools } from "./source.ts";

/** Takes the file from the Hub's cache on this machine, else downloads it by its commit, so that a moving branch cannot mix two versions. */
export async function acquireFromHub(
  tools: SourceTools,
  reference: HfReference,
): Promise<Acquired> {
  const name = formatReference(reference);
  const settings = await hubSettings(tools.context.host);
  const cached = await findInHubCache(settings.cache, reference);
  if (cached !== undefined) {
    tools.meter.expect(cached.bytes);
    return { kind: "gguf", weights: await takeFromHubCache(tools, name, cached) };
  }
  refuseWithoutNetwork(tools, settings, reference);
  const file = await lookUp(tools, settings, reference, name);
  const target = blobPath(tools.layout, file.digest);
  if (file.bytes !== undefined) {
    tools.meter.expect(file.bytes);
    const missing = await missingBytes(tools.layout, [{ digest: file.digest, size: file.bytes }]);
    await requireSpace(tools.layout.blobs, missing, name);
  }
  await download(tools, target, {
    url: file.url,
    digest: file.digest,
    bytes: file.bytes,
    name: `${file.path} of ${name}`,
    headers: () => authorization(settings),
    explain: (trouble, cause) => explainRefusal(settings, reference, trouble, cause),
  });
  return {
    kind: "gguf",
    weights: { digest: file.digest, bytes: file.bytes ?? (await stat(target)).size },
  };
}

interface RemoteFile {
  readonly path: string;
  readonly url: string;
  readonly digest: Digest;
  readonly bytes: number | undefined;
}

/** The GGUF that a reference means, as the repository is now. */
export async function findOnHub(
  tools: AskTools,
  settings: HubSettings,
  reference: HfReference,
): Promise<HubFile> {
  const files = await listRepository(tools, settings, reference);
  const chosen = selectGguf(
    files.map(({ path }) => path),
    reference.select,
    formatReference(reference),
  );
  const file = files.find(({ path }) => path === chosen);
  if (file === undefined) throw new Error("a file was chosen that is not in the list");
  return file;
}

async function lookUp(
  tools: SourceTools,
  settings: HubSettings,
  reference: HfReference,
  name: string,
): Promise<RemoteFile> {
  const file = await findOnHub(tools, settings, reference);
  const { path, url, bytes } = file;
  const checksum =
    file.checksum?.kind === "sha256"
      ? file.checksum
      : await checksumByHead(tools, settings, reference, file);
  // Git's name for a content is a SHA-1, which is no proof for gigabytes of weights.
  if (checksum?.kind !== "sha256") throw uncheckable(settings, `${path} of ${name}`);
  return { path, url, bytes, digest: checksum.digest };
}
