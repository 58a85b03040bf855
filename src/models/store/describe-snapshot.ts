import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { RunContext } from "../../run/context.ts";
import type { Digest, ModelReference, SnapshotModel } from "../model.ts";
import { formatReference } from "../reference.ts";
import { preferredServedName } from "../served-name.ts";
import { snapshotFacts } from "../snapshot/facts.ts";
import { readSafetensorsHeader } from "../snapshot/safetensors.ts";
import type { Acquired } from "../sources/source.ts";
import { blobPath, type Layout } from "./layout.ts";
import { recordId } from "./records.ts";

const WEIGHTS = /\.safetensors$/;

/** Reads what the files of a snapshot say about the model, and checks that its weights are whole. */
export async function describeSnapshot(
  context: RunContext,
  layout: Layout,
  reference: ModelReference,
  { files, fileStamp }: Extract<Acquired, { kind: "snapshot" }>,
): Promise<SnapshotModel> {
  const name = formatReference(reference);
  const sorted = files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const shards = sorted.filter(({ path }) => WEIGHTS.test(path));
  const headers = [];
  for (const { path, digest } of shards) {
    headers.push(await readSafetensorsHeader(blobPath(layout, digest), `${path} of ${name}`));
  }
  const texts = new Map<string, string>();
  for (const { path, digest } of sorted) {
    // Vocabularies are large, and say nothing about the model.
    if (/config\.json$|\.index\.json$|^chat_template/.test(path)) {
      texts.set(path, await readFile(blobPath(layout, digest), "utf8"));
    }
  }
  const list = sorted.map(({ path, digest }) => `${path} ${digest}\n`).join("");
  const hex = createHash("sha256").update(list).digest("hex");
  const blobs = new Map(sorted.map(({ digest, bytes }) => [digest, bytes]));
  const weights: { readonly digest: Digest; readonly bytes: number } = {
    digest: `sha256:${hex}`,
    bytes: shards.reduce((sum, { bytes }) => sum + bytes, 0),
  };
  return {
    format: "safetensors",
    reference: name,
    servedName: preferredServedName(reference),
    snapshot: `snapshots/${recordId(name)}-${hex.slice(0, 12)}`,
    files: sorted.map(({ path, digest }) => ({ path, digest })),
    weights,
    blobs: [...blobs].map(([digest, bytes]) => ({ digest, bytes })),
    facts: snapshotFacts({ text: (file) => texts.get(file), headers }, name),
    ...(fileStamp === undefined ? {} : { fileStamp }),
    fetchedAt: new Date(context.host.clock.now()).toISOString(),
  };
}
