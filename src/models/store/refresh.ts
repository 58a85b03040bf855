import type { RunContext } from "../../run-context.ts";
import type { StoredModel } from "../model.ts";
import { changeStore } from "./change-store.ts";
import { blobPath, type Layout } from "./layout.ts";
import { readRecord, writeRecord } from "./records.ts";

/**
 * A record of an older version lacks what planning needs by now: that is read from the model's files again, once, and kept.
 * Files that cannot be read leave it as it is; whoever starts the model hears why.
 */
export async function refreshed(
  context: RunContext,
  layout: Layout,
  record: StoredModel,
): Promise<StoredModel> {
  if (isWhole(record)) return record;
  try {
    const fresh = await readAgain(layout, record);
    await keep(context, layout, fresh).catch((error: unknown) => {
      // A store that only others may write to serves all the same.
      context.emit({ type: "debug", message: `The record was not renewed: ${String(error)}` });
    });
    return fresh;
  } catch {
    context.signal.throwIfAborted();
    return record;
  }
}

function isWhole(record: StoredModel): boolean {
  const { memory } = record.facts;
  if (memory === undefined) return false;
  if (record.format === "safetensors") return record.chatTemplate !== undefined;
  return memory === null || memory.tiedBytes !== undefined;
}

async function readAgain(layout: Layout, record: StoredModel): Promise<StoredModel> {
  const { reference } = record;
  if (record.format === "gguf") {
    const { readGgufHeader } = await import("../gguf/header.ts");
    const { facts } = await readGgufHeader(blobPath(layout, record.weights.digest), reference);
    return { ...record, facts };
  }
  const { readSnapshot } = await import("./read-snapshot.ts");
  const { facts, chatTemplate } = await readSnapshot(
    record.files,
    ({ digest }) => blobPath(layout, digest),
    reference,
  );
  return { ...record, facts, chatTemplate };
}

/** Not when it has been removed, or fetched anew, in the meantime. */
async function keep(context: RunContext, layout: Layout, fresh: StoredModel): Promise<void> {
  const { reference, format, weights } = fresh;
  await changeStore(context, layout, async () => {
    const now = await readRecord(layout, reference, format);
    if (now?.weights.digest === weights.digest) await writeRecord(layout, fresh);
  });
}
