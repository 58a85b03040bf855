import type { RunContext } from "../../run-context.ts";
import {
  MODEL_FORMATS,
  type ModelFormat,
  type ModelReference,
  type StoredModel,
  type WantedFormat,
} from "../model.ts";
import { formatReference } from "../reference.ts";
import { fileStamp, folderStamp } from "../sources/file-stamp.ts";
import type { Layout } from "./layout.ts";
import { isComplete, readRecord } from "./records.ts";
import { refreshed } from "./refresh.ts";

/** One record read and a few stats: on the path of every warm start. `reference` is absolute. */
export async function findStored(
  context: RunContext,
  layout: Layout,
  reference: ModelReference,
  format: WantedFormat,
): Promise<StoredModel | undefined> {
  if (format !== "any") return findIn(context, layout, reference, format);
  for (const each of MODEL_FORMATS) {
    const found = await findIn(context, layout, reference, each);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function findIn(
  context: RunContext,
  layout: Layout,
  reference: ModelReference,
  format: ModelFormat,
): Promise<StoredModel | undefined> {
  const found = await readRecord(layout, formatReference(reference), format);
  if (found === undefined || !(await isComplete(layout, found))) return undefined;
  const record = await refreshed(context, layout, found);
  if (reference.scheme !== "file" || record.fileStamp === undefined) return record;
  const now = await (format === "gguf" ? fileStamp : folderStamp)(reference.path);
  // A file that is gone leaves its copy usable; one that is another now does not.
  return now === undefined || now === record.fileStamp ? record : undefined;
}
