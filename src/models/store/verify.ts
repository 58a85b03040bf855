import { stat } from "node:fs/promises";
import { join } from "node:path";
import { isErrno } from "../../host/atomic-write.ts";
import type { RunContext } from "../../run-context.ts";
import { startMeter, type Meter } from "../download/meter.ts";
import type { Digest, GgufModel, StoredModel } from "../model.ts";
import type { BadFile, VerifyReport } from "../store.ts";
import { hashFile } from "./hash-file.ts";
import { blobPath, type Layout } from "./layout.ts";
import { readManifest } from "./manifest.ts";
import { badSnapshotFiles } from "./snapshot-folder.ts";

/** Hashes each file of these models once, whatever the number of models that share it. */
export async function verifyModels(
  context: RunContext,
  layout: Layout,
  models: readonly StoredModel[],
): Promise<VerifyReport> {
  const sizes = new Map<Digest, number>();
  const users = new Map<Digest, StoredModel[]>();
  for (const model of models) {
    for (const { digest, bytes } of model.blobs) {
      sizes.set(digest, bytes);
      users.set(digest, [...(users.get(digest) ?? []), model]);
    }
  }
  const meter = startMeter(context, "verify", "verifying");
  for (const bytes of sizes.values()) meter.expect(bytes);
  const bad: BadFile[] = [];
  for (const [digest, bytes] of sizes) {
    const path = blobPath(layout, digest);
    const reason = await check(context, meter, path, digest, bytes);
    if (reason !== undefined)
      bad.push({ path, reason, usedBy: (users.get(digest) ?? []).map(user) });
  }
  for (const model of models) {
    if (model.format === "gguf") {
      bad.push(...(await checkManifest(layout, model)));
    } else {
      const files = await badSnapshotFiles(layout, model);
      bad.push(...files.map((each) => ({ ...each, usedBy: [user(model)] })));
    }
  }
  meter.done();
  return {
    models: models.map(({ reference }) => reference),
    files: sizes.size + models.filter(({ format }) => format === "gguf").length,
    bytes: sizes.values().reduce((sum, bytes) => sum + bytes, 0),
    bad,
  };
}

function user({ reference, format }: StoredModel): BadFile["usedBy"][number] {
  return { reference, format };
}

async function check(
  context: RunContext,
  meter: Meter,
  path: string,
  digest: Digest,
  bytes: number,
): Promise<BadFile["reason"] | undefined> {
  try {
    meter.at(path, 0);
    if ((await stat(path)).size !== bytes) return "size";
    const found = await hashFile(path, context.signal, (position) => meter.at(path, position));
    return found.digest === digest ? undefined : "digest";
  } catch (error) {
    if (context.signal.aborted) throw error;
    return isErrno(error, "ENOENT") ? "missing" : "unreadable";
  }
}

/** A manifest has no digest on record; it must be there and name just the blobs that the record names. */
async function checkManifest(layout: Layout, model: GgufModel): Promise<readonly BadFile[]> {
  const path = join(layout.root, model.ollamaManifest);
  const digests = await readManifest(path);
  const bad = (reason: BadFile["reason"]): BadFile[] => [{ path, reason, usedBy: [user(model)] }];
  if (digests === "missing") return bad("missing");
  if (digests === "unreadable") return bad("unreadable");
  const recorded = new Set(model.blobs.map(({ digest }) => digest));
  return digests.length === recorded.size && digests.every((digest) => recorded.has(digest))
    ? []
    : bad("digest");
}
