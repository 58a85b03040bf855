import { parseReference } from "../models/reference.ts";
import { openStore } from "../models/store.ts";
import { type Cleared, clearStack } from "./clear-stack.ts";
import type { RunContext } from "./context.ts";
import { acquireLock } from "./lock.ts";
import { readEndpoint, removeStackFolder, stackFolder } from "./stack-folder.ts";

export interface DownResult {
  readonly name: string;
  /** False when nothing of it ran. */
  readonly changed: boolean;
  readonly removed: Cleared;
  /** Address of the server that was adopted: it goes on running, only we forget it. */
  readonly leftRunning?: string;
  /** Reference of the model that was deleted too; only with `purge`. */
  readonly purgedModel?: string;
}

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
    const removed = await clearStack(context, name);
    const adopted = endpoint?.adopted === true;
    const left = adopted ? { leftRunning: endpoint.apiBase } : {};
    const result = { name, changed: removed.length > 0, removed, ...left };
    if (!purge) return result;
    const purgedModel =
      endpoint === undefined || adopted ? undefined : await purgeModel(context, endpoint.reference);
    await removeStackFolder(folder);
    return purgedModel === undefined ? result : { ...result, changed: true, purgedModel };
  } finally {
    await lock.release();
  }
}

async function purgeModel(context: RunContext, text: string): Promise<string | undefined> {
  const store = openStore(context);
  const reference = parseReference(text);
  if ((await store.find(reference)) === undefined) return undefined;
  return (await store.remove(reference)).reference;
}
