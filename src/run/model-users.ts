import { StackError } from "../errors.ts";
import { isLockHeld } from "../host/lock.ts";
import { formatReadBy } from "../models/formats.ts";
import type { ModelFormat, StoredModel } from "../models/model.ts";
import { parseReference } from "../models/reference.ts";
import { openStore } from "../models/store.ts";
import { LABEL } from "../plan/labels.ts";
import { settingsSchema } from "../plan/settings.ts";
import type { RunContext } from "../run-context.ts";
import { reachableRuntime } from "./ask-docker.ts";
import { readKept } from "./kept-settings.ts";
import { readEndpoint, stackFolder, stackNames } from "./stack-folder.ts";

/** A model by canonical reference, in one of its forms. */
type UsedModel = Pick<StoredModel, "reference" | "format">;

interface Use {
  readonly stack: string;
  readonly reference: string;
  /** Undefined where its engine is none that this version knows: then it may be either. */
  readonly format: ModelFormat | undefined;
}

/** Names of the stacks that are up with this model, or are being brought up with it. An adopted server has models of its own. */
export async function modelUsers(
  context: RunContext,
  { reference, format }: UsedModel,
): Promise<readonly string[]> {
  const uses = await Promise.all([usesOfFolders(context), usesOfContainers(context)]);
  const users = uses
    .flat()
    .filter((use) => use.reference === reference && (use.format ?? format) === format)
    .map(({ stack }) => stack);
  return [...new Set(users)];
}

/** `MODEL_IN_USE` when a stack uses one of these models: its bytes must not go away under it. */
export async function refuseUsed(context: RunContext, models: readonly UsedModel[]): Promise<void> {
  for (const model of models) {
    const [user] = await modelUsers(context, model);
    if (user === undefined) continue;
    throw new StackError("MODEL_IN_USE", {
      what: `The stack ${user} is up with the model ${model.reference}, or is being brought up with it.`,
      next: `stack down --name ${user}`,
    });
  }
}

async function usesOfFolders(context: RunContext): Promise<readonly Use[]> {
  const { host } = context;
  const uses = await Promise.all(
    (await stackNames(host)).map(async (stack): Promise<Use | undefined> => {
      const endpoint = await readEndpoint(stackFolder(host, stack));
      if (endpoint === undefined) return useBegun(context, stack);
      const { engine, reference, adopted } = endpoint;
      return adopted === true ? undefined : { stack, reference, format: formatReadBy(engine) };
    }),
  );
  return uses.filter((use) => use !== undefined);
}

/** Of one that has no endpoint while a command works on it: for the minutes of a start, nothing else may tell. */
async function useBegun(context: RunContext, stack: string): Promise<Use | undefined> {
  const folder = stackFolder(context.host, stack);
  const kept = await readKept(folder);
  const format = kept && formatReadBy(kept.engine);
  if (kept === undefined || kept.adopted || format === undefined) return undefined;
  if (!isLockHeld(folder.lockFile)) return undefined;
  const given = kept.given.find(({ key }) => key === "model")?.value;
  const reference = await canonical(context, settingsSchema.shape.model.parse(given));
  return reference === undefined ? undefined : { stack, reference, format };
}

/** Undefined for what no reference is: of another version, say. */
async function canonical(context: RunContext, model: string): Promise<string | undefined> {
  try {
    return (await openStore(context).plan(parseReference(model))).reference;
  } catch (error) {
    if (error instanceof StackError) return undefined;
    throw error;
  }
}

/** Milliseconds for the daemon's answer. */
const DAEMON_MS = 10_000;

/** What the state folder may not know. A daemon that can't be asked says nothing, and is in nobody's way. */
async function usesOfContainers(context: RunContext): Promise<readonly Use[]> {
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(DAEMON_MS)]);
  try {
    const runtime = await reachableRuntime({ ...context, signal });
    const containers = await runtime?.containers.list({ [LABEL.name]: "" }, signal);
    return (containers ?? []).flatMap(({ labels }) => {
      const stack = labels[LABEL.name];
      const reference = labels[LABEL.model];
      if (stack === undefined || reference === undefined) return [];
      return [{ stack, reference, format: formatReadBy(labels[LABEL.engine] ?? "") }];
    });
  } catch {
    context.signal.throwIfAborted();
    return [];
  }
}
