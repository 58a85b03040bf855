import { stat } from "node:fs/promises";
import * as z from "zod";
import { StackError } from "../../errors.ts";
import { requireSpace } from "../download/disk-space.ts";
import { download } from "../download/download.ts";
import { digestSchema, type Digest, type ModelReference } from "../model.ts";
import { fetchBytes } from "../net/fetch-bytes.ts";
import { HttpStatusError, type Trouble } from "../net/trouble.ts";
import { formatReference } from "../reference.ts";
import { blobPath } from "../store/layout.ts";
import { missingBytes } from "../store/missing.ts";
import { findInHubCache, takeFromHubCache } from "./hf-cache.ts";
import { selectGguf } from "./hf-select.ts";
import { hubSettings, type HubSettings } from "./hf-settings.ts";
import type { Acquired, SourceTools } from "./source.ts";

type HfReference = Extract<ModelReference, { scheme: "hf" }>;

/** `GET /api/models/{repo}/revision/{revision}?blobs=true`, as far as it is used. */
const repositorySchema = z.object({
  sha: z.string().regex(/^[0-9a-f]{40}$/),
  siblings: z.array(
    z.object({
      rfilename: z.string(),
      size: z.int().nonnegative().optional(),
      lfs: z
        .object({ sha256: z.string().optional(), size: z.int().nonnegative().optional() })
        .optional(),
    }),
  ),
});

/** Takes the file from the Hub's cache on this machine, else downloads it by its commit, so that a moving branch cannot mix two versions. */
export async function acquireFromHub(
  tools: SourceTools,
  reference: HfReference,
): Promise<Acquired> {
  const name = formatReference(reference);
  const settings = await hubSettings(tools.context.host);
  const cached = await findInHubCache(settings.cache, reference);
  if (cached !== undefined) {
    return { kind: "gguf", weights: await takeFromHubCache(tools, name, cached) };
  }
  if (settings.offline || tools.options.offline) {
    throw new StackError("MODEL_UNAVAILABLE", {
      what: `${name} is not here, and the network may not be used.`,
      why: tools.options.offline
        ? "The setting `offline` is on."
        : "HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set.",
      next: "fetch it once with the network allowed: stack models pull",
    });
  }
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

async function lookUp(
  tools: SourceTools,
  settings: HubSettings,
  reference: HfReference,
  name: string,
): Promise<RemoteFile> {
  const { endpoint } = settings;
  const explain = (trouble: Trouble, cause: unknown): Trouble =>
    explainRefusal(settings, reference, trouble, cause);
  const api = `${endpoint}/api/models/${reference.repo}/revision/${encodeURIComponent(reference.revision)}?blobs=true`;
  const { body } = await fetchBytes(tools.context, tools.http, {
    what: `${name} could not be looked up.`,
    url: api,
    headers: authorization(settings),
    explain,
  });
  const parsed = repositorySchema.safeParse(parseJson(body));
  if (!parsed.success) {
    throw new StackError("MODEL_UNAVAILABLE", {
      what: `${name} could not be looked up.`,
      why: `What ${endpoint} answers is not in the format of the Hub's API.`,
      next: "check HF_ENDPOINT",
      cause: parsed.error,
    });
  }
  const { sha, siblings } = parsed.data;
  const path = selectGguf(
    siblings.map(({ rfilename }) => rfilename),
    reference.select,
    name,
  );
  const entry = siblings.find(({ rfilename }) => rfilename === path);
  const url = `${endpoint}/${reference.repo}/resolve/${sha}/${path.split("/").map(encodeURIComponent).join("/")}`;
  const bytes = entry?.lfs?.size ?? entry?.size;
  const listed = digestSchema.safeParse(`sha256:${entry?.lfs?.sha256}`);
  if (listed.success) return { path, url, bytes, digest: listed.data };
  return { path, url, bytes, digest: await digestByHead(tools, settings, url, name, explain) };
}

/** Mirrors that list no checksum still send it with the file, as `X-Linked-Etag` (or `ETag`) before the redirect to storage. */
async function digestByHead(
  tools: SourceTools,
  settings: HubSettings,
  url: string,
  name: string,
  explain: (trouble: Trouble, cause: unknown) => Trouble,
): Promise<Digest> {
  const { head } = await fetchBytes(tools.context, tools.http, {
    what: `${name} could not be looked up.`,
    url,
    method: "HEAD",
    follow: false,
    headers: authorization(settings),
    accept: [301, 302, 303, 307, 308],
    explain,
  });
  for (const header of ["x-linked-etag", "etag"]) {
    const hex = head.headers[header]?.replaceAll('"', "");
    const digest = digestSchema.safeParse(`sha256:${hex}`);
    if (digest.success) return digest.data;
  }
  throw new StackError("MODEL_UNAVAILABLE", {
    what: `${name} cannot be checked.`,
    why: `${settings.endpoint} tells no sha256 of the file.`,
    next: "use another mirror, or download the file yourself and use file:",
  });
}

function authorization({ token }: HubSettings): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

/** The Hub answers 401 for what does not exist, so that private names stay private. */
function explainRefusal(
  { endpoint, token }: HubSettings,
  { repo }: HfReference,
  trouble: Trouble,
  cause: unknown,
): Trouble {
  const status = cause instanceof HttpStatusError ? cause.head.status : undefined;
  if (status !== 401 && status !== 403) return trouble;
  return {
    ...trouble,
    why:
      token === undefined
        ? `It does not exist, is private, or its terms must be accepted first (${status}).`
        : `The token may not read it (${status}): it does not exist, is private, or its terms are not accepted.`,
    next:
      token === undefined
        ? `accept the terms at ${endpoint}/${repo} and set HF_TOKEN`
        : `accept the terms at ${endpoint}/${repo} with the account of the token`,
  };
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
}
