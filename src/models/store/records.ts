import { createHash } from "node:crypto";
import { readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { isErrno, writeFileAtomic } from "../../host/atomic-write.ts";
import {
  type Digest,
  digestSchema,
  type ModelFormat,
  type StoredModel,
  storedModelSchema,
} from "../model.ts";
import { blobPath, type Layout } from "./layout.ts";
import { badSnapshotFiles } from "./snapshot-folder.ts";

/** File name of the record of a canonical reference: readable, and unique by its hash. */
export function recordId(reference: string): string {
  const readable = reference.replaceAll(/[^A-Za-z0-9._-]+/g, "-").slice(0, 80);
  const hash = createHash("sha256").update(reference).digest("hex").slice(0, 12);
  return `${readable}-${hash}`;
}

/** One reference may be here in both formats, as two models. */
function recordPath(layout: Layout, reference: string, format: ModelFormat): string {
  const suffix = format === "gguf" ? "" : `.${format}`;
  return join(layout.index, `${recordId(reference)}${suffix}.json`);
}

/** Undefined when there is none, or none that this version can read. */
export async function readRecord(
  layout: Layout,
  reference: string,
  format: ModelFormat,
): Promise<StoredModel | undefined> {
  const record = await readRecordFile(recordPath(layout, reference, format));
  return record?.reference === reference && record.format === format ? record : undefined;
}

export async function writeRecord(layout: Layout, model: StoredModel): Promise<void> {
  const path = recordPath(layout, model.reference, model.format);
  await writeFileAtomic(path, `${JSON.stringify(model, null, 2)}\n`);
}

export async function removeRecord(
  layout: Layout,
  { reference, format }: Pick<StoredModel, "reference" | "format">,
): Promise<void> {
  await rm(recordPath(layout, reference, format), { force: true });
}

/** A record that this version cannot read: of a newer one, or damaged. */
export interface ForeignRecord {
  readonly path: string;
  /** All that it names, whatever for: they are somebody's. */
  readonly digests: readonly Digest[];
}

interface Index {
  /** Sorted by reference. */
  readonly records: readonly StoredModel[];
  readonly foreign: readonly ForeignRecord[];
}

/** All records, sorted by reference. */
export async function readRecords(layout: Layout): Promise<readonly StoredModel[]> {
  return (await readIndex(layout)).records;
}

/** All that is in the index: who removes things must know of what it cannot read, too. */
export async function readIndex(layout: Layout): Promise<Index> {
  let names: string[];
  try {
    names = await readdir(layout.index);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return { records: [], foreign: [] };
    throw error;
  }
  const records: StoredModel[] = [];
  const foreign: ForeignRecord[] = [];
  for (const name of names.filter((each) => each.endsWith(".json") && !each.startsWith("."))) {
    const path = join(layout.index, name);
    const text = await readText(path);
    if (text === undefined) continue;
    const record = parseRecord(text);
    if (record === undefined) foreign.push({ path, digests: digestsIn(text) });
    else records.push(record);
  }
  return { records: records.toSorted((a, b) => (a.reference < b.reference ? -1 : 1)), foreign };
}

/** Whether every file of the model is there with its size: cheap, and enough before every start. */
export async function isComplete(layout: Layout, model: StoredModel): Promise<boolean> {
  const checks = [
    ...model.blobs.map(async ({ digest, bytes }) => {
      const { size } = await stat(blobPath(layout, digest));
      return size === bytes;
    }),
    model.format === "gguf"
      ? stat(join(layout.root, model.ollamaManifest)).then((found) => found.isFile())
      : badSnapshotFiles(layout, model).then((bad) => bad.length === 0),
  ];
  const results = await Promise.allSettled(checks);
  return results.every((result) => result.status === "fulfilled" && result.value);
}

async function readRecordFile(path: string): Promise<StoredModel | undefined> {
  const text = await readText(path);
  return text === undefined ? undefined : parseRecord(text);
}

/** Undefined when it is not there. */
async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

function parseRecord(text: string): StoredModel | undefined {
  try {
    return storedModelSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

function digestsIn(text: string): readonly Digest[] {
  return (text.match(/sha256:[0-9a-f]{64}(?![0-9a-f])/g) ?? []).map((each) =>
    digestSchema.parse(each),
  );
}
