import { StackError } from "../errors.ts";
import { formatReadBy } from "../models/formats.ts";
import type { ModelFormat, StoredModel } from "../models/model.ts";
import { LABEL } from "../plan/labels.ts";
import type { RunContext } from "../run-context.ts";
import { askDocker } from "./ask-docker.ts";
import { begunModel, type EngineModel } from "./begun-model.ts";
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
  model: UsedModel,
): Promise<readonly string[]> {
  return usersAmong(await allUses(context), model);
}

/** `MODEL_IN_USE` when a stack uses one of these models: its bytes must not go away under it. */
export async function refuseUsed(context: RunContext, models: readonly UsedModel[]): Promise<void> {
  const uses = await allUses(context);
  for (const model of models) {
    const [user] = usersAmong(uses, model);
    if (user === undefined) continue;
    throw new StackError("MODEL_IN_USE", {
      what: `The stack ${user} is up with the model ${model.reference}, or is being brought up with it.`,
      next: `stack down --name ${user}`,
    });
  }
}

function usersAmong(uses: readonly Use[], { reference, format }: UsedModel): readonly string[] {
  const users = uses
    .filter((use) => use.reference === reference && (use.format ?? format) === format)
    .map(({ stack }) => stack);
  return [...new Set(users)];
}

async function allUses(context: RunContext): Promise<readonly Use[]> {
  return (await Promise.all([usesOfFolders(context), usesOfContainers(context)])).flat();
}

/** By its endpoint, and while a command works on it by what that one has noted, which may be another model. */
async function usesOfFolders({ host }: RunContext): Promise<readonly Use[]> {
  const uses = await Promise.all(
    (await stackNames(host)).map(async (stack) => {
      const folder = stackFolder(host, stack);
      const [endpoint, begun] = await Promise.all([readEndpoint(folder), begunModel(folder)]);
      return [endpoint?.adopted === true ? undefined : endpoint, begun]
        .filter((each) => each !== undefined)
        .map((each) => useOf(stack, each));
    }),
  );
  return uses.flat();
}

function useOf(stack: string, { engine, reference }: EngineModel): Use {
  return { stack, reference, format: formatReadBy(engine) };
}

/** What the state folder may not know. A daemon that can't be asked is in nobody's way. */
async function usesOfContainers(context: RunContext): Promise<readonly Use[]> {
  return askDocker(context, [], [], async ({ containers }, signal) => {
    const found = await containers.list({ [LABEL.name]: "" }, signal);
    return found.flatMap(({ labels }) => {
      const stack = labels[LABEL.name];
      const reference = labels[LABEL.model];
      if (stack === undefined || reference === undefined) return [];
      return [useOf(stack, { engine: labels[LABEL.engine] ?? "", reference })];
    });
  });
}
