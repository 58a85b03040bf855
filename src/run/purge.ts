import { join } from "node:path";
import { findEngine } from "../engines/index.ts";
import { StackError } from "../errors.ts";
import { writeFileAtomic } from "../host/atomic-write.ts";
import type { ModelFormat, ModelReference } from "../models/model.ts";
import { parseReference } from "../models/reference.ts";
import { openStore } from "../models/store.ts";
import type { RunContext } from "../run-context.ts";
import { readKept } from "./kept-settings.ts";
import { type EngineModel, engineModelSchema } from "./begun-model.ts";
import { modelUsers } from "./model-users.ts";
import {
  readEndpoint,
  readJson,
  type StackFolder,
  stackFolder,
  stackNames,
} from "./stack-folder.ts";

/** How the files of a stack are called where they are deleted. */
export const PURGED_FOLDER = "its key and log";

/** What `down --purge` deletes of a stack besides what runs. */
export interface Purge {
  /** Whether there is a key, a log or anything else of it. */
  readonly folder: boolean;
  readonly model: { readonly reference: ModelReference; readonly format: ModelFormat } | undefined;
  /** What is told of the model. */
  readonly told: {
    /** Its reference, where it is deleted. */
    readonly purgedModel?: string;
    /** Why it is not, in a sentence. */
    readonly modelStays?: string;
  };
}

/** Without deleting anything. The model goes in the form that the engine read, unless another stack is up with it or is being brought up with it. */
export async function planPurge(context: RunContext, name: string): Promise<Purge> {
  const { host } = context;
  const folder = (await stackNames(host)).includes(name);
  const nothing = { folder, model: undefined, told: {} };
  const last = await lastModel(stackFolder(host, name));
  if (last === "another's" || !folder) return nothing;
  const reference = last === undefined ? undefined : tryParse(last.reference);
  if (last === undefined || reference === undefined) {
    const modelStays =
      "No model is known to be its own: `stack models ls` shows what is stored, `stack models rm` deletes it.";
    return { ...nothing, told: { modelStays } };
  }
  const engine = findEngine(last.engine);
  const format = engine?.kind === "container" ? engine.format : "gguf";
  const store = openStore(context);
  const [{ reference: canonical }, records] = await Promise.all([
    store.plan(reference),
    // By record, not by `find`: one whose files are damaged goes too.
    store.list(),
  ]);
  if (!records.some((each) => each.reference === canonical && each.format === format)) {
    return nothing;
  }
  const users = await modelUsers(context, { reference: canonical, format });
  const [user] = users.filter((each) => each !== name);
  if (user !== undefined) {
    const modelStays = `${canonical} stays: the stack ${user} is up with it, or is being brought up with it.`;
    return { ...nothing, told: { modelStays } };
  }
  return { folder, model: { reference, format }, told: { purgedModel: canonical } };
}

/** Its endpoint goes with `down`; which model it had is known to a `down --purge` that comes later. */
export async function rememberModel(folder: StackFolder): Promise<void> {
  const endpoint = await readEndpoint(folder);
  if (endpoint === undefined || endpoint.adopted === true) return;
  const { engine, reference } = endpoint;
  const last: EngineModel = { engine, reference };
  await writeFileAtomic(fileOf(folder), `${JSON.stringify(last)}\n`, { mode: 0o600 });
}

/** What it is up with, was to be brought up with by an `up` that was killed, or was up with before its last `down`. */
async function lastModel(folder: StackFolder): Promise<EngineModel | "another's" | undefined> {
  const endpoint = await readEndpoint(folder);
  if (endpoint !== undefined) return endpoint.adopted === true ? "another's" : endpoint;
  const kept = await readKept(folder);
  if (kept === undefined) return readJson(fileOf(folder), engineModelSchema);
  if (kept.adopted) return "another's";
  // One that nobody named may be the user's own file's by now: nothing is deleted on a guess.
  const model = kept.given.find(({ key }) => key === "model")?.value;
  return typeof model === "string" ? { engine: kept.engine, reference: model } : undefined;
}

function tryParse(text: string): ModelReference | undefined {
  try {
    return parseReference(text);
  } catch (error) {
    if (error instanceof StackError) return undefined;
    throw error;
  }
}

function fileOf({ path }: StackFolder): string {
  return join(path, "model.json");
}
