import type { ModelFormat } from "../model.ts";
import { rangedFetch } from "../net/ranged-fetch.ts";
import { formatReference } from "../reference.ts";
import { snapshotFacts } from "../snapshot/facts.ts";
import { INDEX_FILE, snapshotTexts, snapshotWeights } from "../snapshot/select.ts";
import {
  authorization,
  explainRefusal,
  fetchHubText,
  type HfReference,
  type HubFile,
  listRepository,
  refuseWithoutNetwork,
} from "../sources/hf-api.ts";
import { cachedRepository, findInHubCache } from "../sources/hf-cache.ts";
import { type HubSettings, hubSettings } from "../sources/hf-settings.ts";
import { wholeModel } from "../sources/hf-snapshot.ts";
import { findOnHub } from "../sources/hf.ts";
import type { AskTools } from "../sources/source.ts";
import type { Glimpse, Unknown } from "./glimpse.ts";
import { peekFolder, peekGguf } from "./peek-file.ts";
import { remoteFacts } from "./remote-facts.ts";

/** By the Hub's cache on this machine where the model lies in it, else by the list of its files and the few that describe it. */
export async function peekHub(
  tools: AskTools,
  reference: HfReference,
  format: ModelFormat,
): Promise<Glimpse | Unknown> {
  const settings = await hubSettings(tools.context.host);
  return format === "gguf"
    ? peekGgufOfHub(tools, settings, reference)
    : peekSnapshot(tools, settings, reference);
}

async function peekGgufOfHub(
  tools: AskTools,
  settings: HubSettings,
  reference: HfReference,
): Promise<Glimpse | Unknown> {
  const name = formatReference(reference);
  const cached = await findInHubCache(settings.cache, reference);
  if (cached !== undefined) return peekGguf(cached.path, name);
  refuseWithoutNetwork(tools, settings, reference);
  const file = await findOnHub(tools, settings, reference);
  const { bytes: weightsBytes } = file;
  if (weightsBytes === undefined) return noSize(settings, file);
  const fetch = rangedFetch(tools.context, tools.http, {
    what: `The header of ${name} could not be read.`,
    url: file.url,
    headers: authorization(settings),
    explain: (trouble, cause) => explainRefusal(settings, reference, trouble, cause),
  });
  const facts = await remoteFacts(tools, { url: file.url, bytes: weightsBytes, fetch }, name);
  return { weightsBytes, facts };
}

async function peekSnapshot(
  tools: AskTools,
  settings: HubSettings,
  reference: HfReference,
): Promise<Glimpse | Unknown> {
  const name = formatReference(reference);
  const cached = await cachedRepository(settings.cache, reference);
  if (cached !== undefined && (await wholeModel(cached)) !== undefined) {
    return peekFolder(cached.files, cached.at, name);
  }
  refuseWithoutNetwork(tools, settings, reference);
  const listed = await listRepository(tools, settings, reference);
  const paths = listed.map(({ path }) => path);
  const wanted = snapshotTexts(paths, name);
  const texts = new Map<string, string>();
  for (const file of listed) {
    if (!wanted.includes(file.path) || ![INDEX_FILE, "config.json"].includes(file.path)) continue;
    const body = await fetchHubText(tools, settings, reference, file);
    texts.set(file.path, body.toString("utf8"));
  }
  const weights = snapshotWeights(paths, texts.get(INDEX_FILE), name);
  let weightsBytes = 0;
  for (const file of listed.filter(({ path }) => weights.includes(path))) {
    if (file.bytes === undefined) return noSize(settings, file);
    weightsBytes += file.bytes;
  }
  return {
    weightsBytes,
    facts: snapshotFacts({ text: (file) => texts.get(file), headers: [] }, name),
  };
}

function noSize({ endpoint }: HubSettings, { path }: HubFile): Unknown {
  return { why: `${endpoint} tells no size of ${path}.` };
}
