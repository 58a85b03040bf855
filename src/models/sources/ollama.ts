import { StackError } from "../../errors.ts";
import { forEachBounded } from "../download/bounded.ts";
import { requireSpace } from "../download/disk-space.ts";
import { download } from "../download/download.ts";
import type { ModelReference } from "../model.ts";
import { formatReference } from "../reference.ts";
import { blobPath } from "../store/layout.ts";
import {
  closure,
  manifestSchema,
  MEDIA,
  type Descriptor,
  type Manifest,
} from "../store/manifest.ts";
import { missingBytes } from "../store/missing.ts";
import { openRepository } from "./ollama-registry.ts";
import type { Acquired, SourceTools } from "./source.ts";

type OllamaReference = Extract<ModelReference, { scheme: "ollama" }>;

/** Blobs under way at once: enough to fill a line, few enough to be polite. */
const PARALLEL = 3;

/** Fetches the manifest and every blob it names; the big ones first. */
export async function acquireFromOllama(
  tools: SourceTools,
  reference: OllamaReference,
): Promise<Acquired> {
  const name = formatReference(reference);
  const { registry, namespace, tag } = reference;
  const repository = await openRepository(tools, registry, `${namespace}/${reference.name}`);
  const bytes = await repository.manifest(tag, name);
  const manifest = parseManifest(bytes, name);
  const blobs = closure(manifest).toSorted((a, b) => b.size - a.size);
  for (const { size } of blobs) tools.meter.expect(size);
  await requireSpace(tools.layout.blobs, await missingBytes(tools.layout, blobs), name);
  await forEachBounded(blobs, PARALLEL, (blob) =>
    download(tools, blobPath(tools.layout, blob.digest), {
      url: repository.blobUrl(blob.digest),
      headers: repository.headers,
      authorize: repository.authorize,
      digest: blob.digest,
      bytes: blob.size,
      name: `${describe(blob)} of ${name}`,
    }),
  );
  return { kind: "ollama", manifest, bytes };
}

/** Also the gate for digests from outside: none that is not a plain sha256 gets past the schema. */
export function parseManifest(bytes: Buffer, name: string): Manifest {
  let manifest: Manifest;
  try {
    manifest = manifestSchema.parse(JSON.parse(bytes.toString("utf8")));
  } catch (cause) {
    throw new StackError("MODEL_UNAVAILABLE", {
      what: `The manifest of ${name} is not one that can be used.`,
      why: "It is no Docker or OCI image manifest, or a digest in it is not a sha256.",
      next: "check that the name is that of a model",
      cause,
    });
  }
  const models = manifest.layers.filter(({ mediaType }) => mediaType === MEDIA.model);
  if (models.length !== 1) {
    throw new StackError("MODEL_UNAVAILABLE", {
      what: `${name} has no GGUF weights in one file.`,
      why:
        models.length === 0
          ? "Its manifest has no layer of the kind application/vnd.ollama.image.model."
          : `Its manifest has ${models.length} of them.`,
      next: "choose a model in GGUF format",
    });
  }
  return manifest;
}

function describe({ digest, mediaType }: Descriptor): string {
  const kind = /^application\/vnd\.ollama\.image\.(\w+)$/.exec(mediaType)?.[1] ?? "blob";
  return `${kind} ${digest.slice(0, "sha256:".length + 12)}`;
}
