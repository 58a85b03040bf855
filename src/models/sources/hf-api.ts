import * as z from "zod";
import { StackError } from "../../errors.ts";
import { digestSchema, type Digest, type ModelReference } from "../model.ts";
import { fetchBytes } from "../net/fetch-bytes.ts";
import { parseJson } from "../net/parse-json.ts";
import { HttpStatusError, type Trouble } from "../net/trouble.ts";
import { formatReference } from "../reference.ts";
import type { HubSettings } from "./hf-settings.ts";
import type { AskTools } from "./source.ts";

export type HfReference = Extract<ModelReference, { scheme: "hf" }>;

/** How a file can be checked: large ones by sha256, small ones by the name that Git gives their content. */
export type Checksum =
  | { readonly kind: "sha256"; readonly digest: Digest }
  | { readonly kind: "git"; readonly sha1: string };

export interface HubFile {
  /** Within the repository. */
  readonly path: string;
  /** By commit. */
  readonly url: string;
  readonly bytes: number | undefined;
  /** Undefined where the list has none: `checksumByHead` asks for it. */
  readonly checksum: Checksum | undefined;
}

/** `GET /api/models/{repo}/revision/{revision}?blobs=true`, as far as it is used. */
const repositorySchema = z.object({
  sha: z.string().regex(/^[0-9a-f]{40}$/),
  siblings: z.array(
    z.object({
      rfilename: z.string(),
      size: z.int().nonnegative().optional(),
      blobId: z.string().optional(),
      lfs: z
        .object({ sha256: z.string().optional(), size: z.int().nonnegative().optional() })
        .optional(),
    }),
  ),
});

/** The files of a repository at the commit that the revision means now. */
export async function listRepository(
  tools: AskTools,
  settings: HubSettings,
  reference: HfReference,
): Promise<readonly HubFile[]> {
  const { endpoint } = settings;
  const { repo, revision } = reference;
  const name = formatReference(reference);
  const { body } = await fetchBytes(tools.context, tools.http, {
    what: `${name} could not be looked up.`,
    url: `${endpoint}/api/models/${repo}/revision/${encodeURIComponent(revision)}?blobs=true`,
    headers: authorization(settings),
    explain: (trouble, cause) => explainRefusal(settings, reference, trouble, cause),
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
  return siblings.map(({ rfilename: path, size, lfs, blobId }) => ({
    path,
    url: `${endpoint}/${repo}/resolve/${sha}/${path.split("/").map(encodeURIComponent).join("/")}`,
    bytes: lfs?.size ?? size,
    // Of a large file, Git knows only a pointer: its blob id says nothing of the content.
    checksum: lfs === undefined ? checksumOf(blobId) : checksumOf(lfs.sha256),
  }));
}

/** Mirrors that list no checksum still send it with the file, as `X-Linked-Etag` (or `ETag`) before the redirect to storage. */
export async function checksumByHead(
  tools: AskTools,
  settings: HubSettings,
  reference: HfReference,
  { url }: Pick<HubFile, "url">,
): Promise<Checksum | undefined> {
  const { head } = await fetchBytes(tools.context, tools.http, {
    what: `${formatReference(reference)} could not be looked up.`,
    url,
    method: "HEAD",
    follow: false,
    headers: authorization(settings),
    accept: [301, 302, 303, 307, 308],
    explain: (trouble, cause) => explainRefusal(settings, reference, trouble, cause),
  });
  return ["x-linked-etag", "etag"]
    .map((header) => checksumOf(head.headers[header]?.replace(/^W\//, "").replaceAll('"', "")))
    .find((found) => found !== undefined);
}

/** The Hub keeps larger ones outside Git. */
const MAX_TEXT_BYTES = 64 * 1024 * 1024;

/** The content of a small file, unchecked. */
export async function fetchHubText(
  tools: AskTools,
  settings: HubSettings,
  reference: HfReference,
  { path, url }: Pick<HubFile, "path" | "url">,
): Promise<Buffer> {
  const { body } = await fetchBytes(tools.context, tools.http, {
    what: `${path} of ${formatReference(reference)} could not be fetched.`,
    url,
    headers: authorization(settings),
    maxBytes: MAX_TEXT_BYTES,
    explain: (trouble, cause) => explainRefusal(settings, reference, trouble, cause),
  });
  return body;
}

/** By the length of its hexadecimal digits. */
export function checksumOf(hex: string | undefined): Checksum | undefined {
  if (hex === undefined) return undefined;
  if (/^[0-9a-f]{40}$/.test(hex)) return { kind: "git", sha1: hex };
  const digest = digestSchema.safeParse(`sha256:${hex}`);
  return digest.success ? { kind: "sha256", digest: digest.data } : undefined;
}

export function uncheckable(settings: HubSettings, name: string): StackError {
  return new StackError("MODEL_UNAVAILABLE", {
    what: `${name} cannot be checked.`,
    why: `${settings.endpoint} tells no checksum of the file.`,
    next: "use another mirror, or download the file yourself and use file:",
  });
}

export function authorization({ token }: HubSettings): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

/** `MODEL_UNAVAILABLE` where the network may not be used. */
export function refuseWithoutNetwork(
  tools: AskTools,
  settings: HubSettings,
  reference: HfReference,
): void {
  if (!settings.offline && !tools.options.offline) return;
  throw new StackError("MODEL_UNAVAILABLE", {
    what: `${formatReference(reference)} is not here, and the network may not be used.`,
    why: tools.options.offline
      ? "The setting `offline` is on."
      : "HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set.",
    next: "fetch it once with the network allowed: stack models pull",
  });
}

/** The Hub answers 401 for what does not exist, so that private names stay private. */
export function explainRefusal(
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
