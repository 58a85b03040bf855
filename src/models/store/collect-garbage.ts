import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import type { RunContext } from "../../run-context.ts";
import { isLockHeld } from "../../host/lock.ts";
import { BLOB, blobFileName, isPartial, listFiles } from "./disk-use.ts";
import { removeStrayCapped } from "./cap-answers.ts";
import { changeStore } from "./change-store.ts";
import { type Layout } from "./layout.ts";
import { foreignWarning } from "./foreign-warning.ts";
import { readIndex } from "./records.ts";
import { removeFile, usedDigests } from "./remove.ts";
import { removeStraySnapshots } from "./snapshot-folder.ts";

/** See `Store.gc`. While any process fetches, or beside a record that is not to be read, nothing is removed: what looks left over may be of use. */
export async function collectGarbage(
  context: RunContext,
  layout: Layout,
): Promise<{ readonly freedBytes: number }> {
  return changeStore(context, layout, async () => {
    if (await someoneFetches(layout)) {
      const message = `Nothing is removed while a model is being fetched into ${layout.root}.`;
      context.emit({ type: "info", message });
      return { freedBytes: 0 };
    }
    const { records, foreign } = await readIndex(layout);
    if (foreign.length > 0) {
      context.emit(foreignWarning("Nothing is removed", foreign));
      return { freedBytes: 0 };
    }
    // First these: a blob that still has a second name would give nothing back.
    await removeStraySnapshots(
      layout,
      new Set(records.map((each) => (each.format === "gguf" ? "" : each.snapshot))),
    );
    await removeStrayCapped(
      layout,
      records.filter((each) => each.format === "gguf"),
    );
    const names = new Set([...(await usedDigests(layout))].map(blobFileName));
    const leftOver = (await listFiles(layout.root)).filter(
      ({ path }) =>
        isPartial(layout, path) ||
        (path.startsWith(layout.blobs) && BLOB.test(path) && !names.has(basename(path))),
    );
    let freedBytes = 0;
    for (const { path } of leftOver) freedBytes += await removeFile(path);
    return { freedBytes };
  });
}

async function someoneFetches({ locks }: Layout): Promise<boolean> {
  const names = await readdir(locks).catch(() => []);
  return names.some((name) => {
    const base = /^(fetch-.+)\.db$/.exec(name)?.[1];
    return base !== undefined && isLockHeld(join(locks, base));
  });
}
