import { openStore } from "../models/store.ts";
import { type Cleared, clearStack, FORGOTTEN } from "./clear-stack.ts";
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
  /** Its daemon could not be asked, so that its containers may run yet. */
  readonly forgotten?: true;
  /** Address of the server that was adopted: it goes on running, only we forget it. */
  readonly leftRunning?: string;
};

export interface DownOptions {
  readonly name: string;
  readonly purge: boolean;
  /** Also where its daemon can't be asked. */
  readonly forget?: boolean;
}

/** Stops a stack and removes its containers and networks. Models stay, and so does the key; `purge` deletes key, log and the model. */
export async function down(context: RunContext, options: DownOptions): Promise<DownResult> {
  const { name, purge, forget = false } = options;
  const folder = stackFolder(context.host, name);
  const lock = await acquireLock(context.host, folder.lockFile, "stack down");
  try {
    const endpoint = await readEndpoint(folder);
    const doomed = purge ? await planPurge(context, name) : undefined;
    await rememberModel(folder);
    const removed = await clearStack(context, name, { forget });
    await writeKept(folder, undefined);
    const result: DownResult = {
      name,
      changed: removed.length > 0,
      removed,
      ...(removed.includes(FORGOTTEN) ? { forgotten: true } : {}),
      ...(endpoint?.adopted === true ? { leftRunning: endpoint.apiBase } : {}),
    };
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
