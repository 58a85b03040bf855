import { createHash } from "node:crypto";
import type { RunContext } from "../../run-context.ts";
import type { Digest, ModelReference, SnapshotModel } from "../model.ts";
import { formatReference } from "../reference.ts";
import { preferredServedName } from "../served-name.ts";
import type { Acquired } from "../sources/source.ts";
import { blobPath, type Layout } from "./layout.ts";
import { isWeights, readSnapshot } from "./read-snapshot.ts";
import { recordId } from "./records.ts";

/** The record of a snapshot, out of what its files say; errors of `readSnapshot`. */
export async function describeSnapshot(
  context: RunContext,
  layout: Layout,
  reference: ModelReference,
  { files, fileStamp }: Extract<Acquired, { kind: "snapshot" }>,
): Promise<SnapshotModel> {
  const name = formatReference(reference);
  const sorted = files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const { facts, chatTemplate } = await readSnapshot(
    sorted,
    ({ digest }) => blobPath(layout, digest),
    name,
  );
  const list = sorted.map(({ path, digest }) => `${path} ${digest}\n`).join("");
  const hex = createHash("sha256").update(list).digest("hex");
  const blobs = new Map(sorted.map(({ digest, bytes }) => [digest, bytes]));
  const weights: { readonly digest: Digest; readonly bytes: number } = {
    digest: `sha256:${hex}`,
    bytes: sorted.filter(isWeights).reduce((sum, { bytes }) => sum + bytes, 0),
  };
  return {
    format: "safetensors",
    reference: name,
    servedName: preferredServedName(reference),
    snapshot: `snapshots/${recordId(name)}-${hex.slice(0, 12)}`,
    files: sorted.map(({ path, digest }) => ({ path, digest })),
    weights,
    blobs: [...blobs].map(([digest, bytes]) => ({ digest, bytes })),
    facts,
    chatTemplate,
    ...(fileStamp === undefined ? {} : { fileStamp }),
    fetchedAt: new Date(context.host.clock.now()).toISOString(),
  };
}
