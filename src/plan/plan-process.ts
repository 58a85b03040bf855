import type { Plan, Step } from "./plan.ts";

/** What is wanted of a stack whose engine is a process of ours. */
export interface DesiredProcess {
  readonly name: string;
  readonly engine: string;
  readonly model: string;
  /** Hash of the whole configuration; undefined while the model is not here, and so not all is known. */
  readonly hash: string | undefined;
  /** What runs is to be replaced even when it is as it should be. */
  readonly anew: boolean;
}

export interface ObservedProcess {
  readonly modelStored: boolean;
  /** Hash that the running process was started with; undefined when none runs. */
  readonly runningHash: string | undefined;
  /** Whether the gate was passed and the endpoint written. */
  readonly endpointKnown: boolean;
  /** Another engine has, or had, something under this name: containers, or an adoption. */
  readonly otherEngine: boolean;
}

/** Only what is missing. */
export function planProcess(desired: DesiredProcess, observed: ObservedProcess): Plan {
  const steps: Step[] = [];
  const runs = observed.runningHash !== undefined;
  const current = runs && !desired.anew && observed.runningHash === desired.hash;
  if (!observed.modelStored) steps.push({ kind: "model", reference: desired.model });
  if (observed.otherEngine) steps.push({ kind: "clear", why: "another engine" });
  else if (runs && !current) {
    steps.push({ kind: "clear", why: desired.anew ? "restart" : "other settings" });
  }
  if (!current) steps.push({ kind: "process", engine: desired.engine });
  if (!current || !observed.endpointKnown) steps.push({ kind: "gate", engine: desired.engine });
  return { name: desired.name, engine: desired.engine, model: desired.model, steps };
}
