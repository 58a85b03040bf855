import * as z from "zod";
import { ENGINES } from "../engines/index.ts";
import { type Lock, noteOfHolder } from "../host/lock.ts";
import { engineToAdopt } from "../plan/adopted-base.ts";
import type { Plan } from "../plan/plan.ts";
import type { ResolvedSettings } from "../plan/settings.ts";
import type { StackFolder } from "./stack-folder.ts";

export const engineModelSchema = z.object({
  engine: z.string(),
  /** Canonical. */
  reference: z.string(),
});
/** Which model, in the form that which engine reads. */
export type EngineModel = z.infer<typeof engineModelSchema>;

/**
 * Notes with the stack's lock which model it is being brought up with: for the minutes that its images take, nothing else tells.
 * An adopted server has models of its own.
 */
export async function noteModel(
  lock: Lock,
  settings: ResolvedSettings,
  { engine, model: reference }: Plan,
): Promise<void> {
  if (engineToAdopt(ENGINES[settings.values.engine], settings) !== undefined) return;
  await lock.note({ engine, reference } satisfies EngineModel);
}

/** Of a stack that a command is bringing up now. */
export async function begunModel({ lockFile }: StackFolder): Promise<EngineModel | undefined> {
  return engineModelSchema.safeParse(await noteOfHolder(lockFile)).data;
}
