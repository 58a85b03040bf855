import { findEngine } from "../engines/index.ts";
import { parseReference } from "../models/reference.ts";
import { openStore } from "../models/store.ts";
import { type Cleared, clearStack } from "./clear-stack.ts";
import type { RunContext } from "../run-context.ts";
import { acquireLock } from "../host/lock.ts";
import { writeKept } from "./kept-settings.ts";
import { modelUsers } from "./model-users.ts";
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
    await writeKept(folder, undefined);
    const adopted = endpoint?.adopted === true;
    const left = adopted ? { leftRunning: endpoint.apiBase } : {};
    const result = { name, changed: removed.length > 0, removed, ...left };
    if (!purge) return result;
    const purgedModel =
      endpoint === undefined || adopted ? undefined : await purgeModel(context, endpoint);
    const purged = await removeStackFolder(folder);
    return {
      ...result,
      changed: result.changed || purged || purgedModel !== undefined,
      removed: purged ? [...removed, "its key and log"] : removed,
      ...(purgedModel === undefined ? {} : { purgedModel }),
    };
  } finally {
    await lock.release();
  }
}

/** In the form that the engine read, unless another stack is up with it. */
async function purgeModel(
  context: RunContext,
  endpoint: { readonly engine: string; readonly reference: string },
): Promise<string | undefined> {
  const store = openStore(context);
  const reference = parseReference(endpoint.reference);
  const engine = findEngine(endpoint.engine);
  const format = engine?.kind === "container" ? engine.format : "gguf";
  if ((await store.find(reference, format)) === undefined) return undefined;
  if ((await modelUsers(context.host, endpoint.reference)).length > 0) return undefined;
  return (await store.remove(reference, format)).reference;
}
