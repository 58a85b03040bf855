import type { Digest } from "../model.ts";
import { MEDIA, type Descriptor, type Manifest } from "../store/manifest.ts";
import type { Layout } from "../store/layout.ts";
import { putBlob } from "../store/put-blob.ts";
import type { GgufHeader } from "./header.ts";
import { ollamaTemplateFor } from "./ollama-template.ts";

export interface GgufManifest {
  readonly manifest: Manifest;
  /** Exact bytes to store. */
  readonly bytes: Buffer;
  /** Whether its template layer renders tools. */
  readonly ollamaTools: boolean;
}

/**
 * Makes a GGUF that came without Ollama into a model that Ollama serves: template, stop words and config as blobs, and their manifest.
 * The same GGUF gives the same bytes every time.
 */
export async function manifestForGguf(
  layout: Layout,
  weights: { readonly digest: Digest; readonly bytes: number },
  header: GgufHeader,
): Promise<GgufManifest> {
  const { facts, chatTemplate } = header;
  const layers: Descriptor[] = [
    { mediaType: MEDIA.model, digest: weights.digest, size: weights.bytes },
  ];
  const template = ollamaTemplateFor(chatTemplate, facts.architecture);
  if (template !== undefined) {
    layers.push(await putBlob(layout, MEDIA.template, template.template));
    layers.push(await putBlob(layout, MEDIA.params, JSON.stringify({ stop: template.stop })));
  }
  // Ollama's ConfigV2 (types/model/config.go): what `ollama show` prints.
  const config = {
    model_format: "gguf",
    model_family: facts.architecture,
    model_families: [facts.architecture],
    model_type: facts.parameters === undefined ? "" : humanCount(facts.parameters),
    file_type: facts.quantisation ?? "unknown",
    architecture: "amd64",
    os: "linux",
    rootfs: { type: "layers", diff_ids: layers.map(({ digest }) => digest) },
  };
  const manifest: Manifest = {
    schemaVersion: 2,
    config: await putBlob(layout, MEDIA.config, JSON.stringify(config)),
    layers,
  };
  const bytes = Buffer.from(JSON.stringify({ ...manifest, mediaType: MEDIA.manifest }));
  return { manifest, bytes, ollamaTools: template !== undefined };
}

/** 134515008 → `134.52M`, as Ollama writes it. */
function humanCount(value: number): string {
  if (value >= 1e9) return `${(value / 1e9).toFixed(1)}B`;
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)}M`;
  return `${Math.round(value / 1e3)}K`;
}
