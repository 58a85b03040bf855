import * as z from "zod";
import { ENGINES } from "../engines/index.ts";
import { type Lock, noteOfHolder } from "../host/lock.ts";
import { formatReference, parseReference } from "../models/reference.ts";
import { absoluteReference } from "../models/store/absolute.ts";
import { engineToAdopt } from "../plan/adopted-base.ts";
import type { ResolvedSettings } from "../plan/settings.ts";
import type { RunContext } from "../run-context.ts";
import type { StackFolder } from "./stack-folder.ts";

export const engineModelSchema = z.object({
  engine: z.string(),
  /** Canonical. */
  reference: z.string(),
});
/** Which model, in the form that which engine reads. */
export type EngineModel = z.infer<typeof engineModelSchema>;

/**
 * Notes with the stack's lock which model it is being brought up with: for the minutes that a look at the GPU and its images take,
 * nothing else tells. An adopted server has models of its own.
 */
export async function noteModel(
  context: RunContext,
  lock: Lock,
  settings: ResolvedSettings,
): Promise<void> {
  const { engine, model } = settings.values;
  if (engineToAdopt(ENGINES[engine], settings) !== undefined) return;
  const reference = formatReference(absoluteReference(context.host, parseReference(model)));
  await lock.note({ engine, reference } satisfies EngineModel);
}

/** Of a stack that a command is bringing up now. */
export async function begunModel({ lockFile }: StackFolder): Promise<EngineModel | undefined> {
  return engineModelSchema.safeParse(await noteOfHolder(lockFile)).data;
}
