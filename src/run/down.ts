import { openStore } from "../models/store.ts";
import { type Cleared, clearStack } from "./clear-stack.ts";
import type { RunContext } from "../run-context.ts";
import { acquireLock } from "../host/lock.ts";
import { writeKept } from "./kept-settings.ts";
import { planPurge, type Purge, PURGED_FOLDER, rememberModel } from "./purge.ts";
import { readEndpoint, removeStackFolder, stackFolder } from "./stack-folder.ts";

export type DownResult = Purge["told"] & {
  readonly name: string;
  /** False when nothing of it ran, nor was deleted. */
  readonly changed: boolean;
  readonly removed: Cleared;
  /** Address of the server that was adopted: it goes on running, only we forget it. */
  readonly leftRunning?: string;
};

/** Stops a stack and removes its containers and networks. Models stay, and so does the key; `purge` deletes key, log and the model. */
export async function down(
  context: RunContext,
  options: { readonly name: string; readonly purge: boolean },
): Promise<DownResult> {
  const { name, purge } = options;
  const folder = stackFolder(context.host, name);
  const lock = await acquireLock(context.host, folder.lockFile, "stack down");
  try {
    const endpoint = await readEndpoint(folder);
    const doomed = purge ? await planPurge(context, name) : undefined;
    await rememberModel(folder);
    const removed = await clearStack(context, name);
    await writeKept(folder, undefined);
    const left = endpoint?.adopted === true ? { leftRunning: endpoint.apiBase } : {};
    const result = { name, changed: removed.length > 0, removed, ...left };
    if (doomed === undefined) return result;
    const { model, told } = doomed;
    if (model !== undefined) await openStore(context).remove(model.reference, model.format);
    const purged = await removeStackFolder(folder);
    return {
      ...result,
      changed: result.changed || purged || model !== undefined,
      removed: purged ? [...removed, PURGED_FOLDER] : removed,
      ...told,
    };
  } finally {
    await lock.release();
  }
}
