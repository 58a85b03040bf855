import type { FoundModel } from "../engines/engine.ts";
import type { Plan, Step } from "./plan.ts";

/** What is wanted of a stack whose server is there already. */
export interface DesiredAdoption {
  readonly name: string;
  readonly engine: string;
  /** Its title, for people. */
  readonly title: string;
  /** The id that the server knows the model by. */
  readonly model: string;
  /** Tokens of one conversation to load it with; undefined where that can't be done from outside. */
  readonly context: number | undefined;
  /** Of everything that the endpoint hangs on. */
  readonly hash: string;
  /** It is to be asked again even when nothing has changed. */
  readonly anew: boolean;
}

export interface ObservedAdoption {
  /** Every instance of the model, loaded or not. */
  readonly instances: readonly FoundModel[];
  /** Hash of the adoption that was written down; undefined when there is none. */
  readonly hash: string | undefined;
  /** Something of ours runs under this name, which another engine had. */
  readonly foreign: boolean;
}

/** Only what is missing. A server that has the model loaded with as much context or more is left as it is. */
export function planAdopted(desired: DesiredAdoption, observed: ObservedAdoption): Plan {
  const steps: Step[] = [];
  if (observed.foreign) steps.push({ kind: "clear", why: "another engine" });
  const { context } = desired;
  const load = context !== undefined && loadedWith(observed.instances, context) === undefined;
  if (load) {
    steps.push({
      kind: "load",
      engine: desired.title,
      model: desired.model,
      context,
      unload: observed.instances
        .filter(({ state }) => state === "loaded")
        .map((instance) => ({ id: instance.id, context: instance.context })),
    });
  }
  if (load || observed.foreign || desired.anew || observed.hash !== desired.hash) {
    steps.push({ kind: "gate", engine: desired.title });
  }
  return { name: desired.name, engine: desired.engine, model: desired.model, steps };
}

/** The instance that is loaded with enough context: the largest. */
export function loadedWith(
  instances: readonly FoundModel[],
  context: number,
): FoundModel | undefined {
  return instances
    .filter(({ state, context: has }) => state === "loaded" && (has ?? 0) >= context)
    .sort((a, b) => (b.context ?? 0) - (a.context ?? 0))[0];
}

/** The instances of one model: LM Studio calls the second one of `x` by the id `x:2`. */
export function instancesOf(models: readonly FoundModel[], model: string): readonly FoundModel[] {
  return models.filter(({ id }) => id === model || id.replace(/:\d+$/, "") === model);
}
