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
  /** The load that an `up` before this one has asked for. */
  readonly earlier: EarlierLoad | undefined;
  /** Hash of the adoption that was written down; undefined when there is none. */
  readonly hash: string | undefined;
  /** Something of ours runs under this name, which another engine had. */
  readonly foreign: boolean;
}

/** What was asked for when a model was loaded for us, and what came of it. */
export interface EarlierLoad {
  /** Of the instance. */
  readonly id: string;
  /** Tokens. */
  readonly asked: number;
  /** Tokens that the server said it had loaded it with, where it says that. */
  readonly context: number | undefined;
}

/** Only what is missing. A server that has the model loaded as well as it will is left as it is. */
export function planAdopted(desired: DesiredAdoption, observed: ObservedAdoption): Plan {
  const steps: Step[] = [];
  const clear: Step = { kind: "clear", why: "another engine" };
  const { context } = desired;
  const { earlier } = observed;
  const load =
    context !== undefined &&
    serving(observed.instances, { context, earlier, anew: desired.anew }) === undefined;
  if (load) {
    // What runs goes first: LM Studio gives a model no more context than fits into the memory that is free just then.
    if (observed.foreign) steps.push(clear);
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
  // Nothing is to be stopped for a server that is there: what runs goes when that has answered.
  if (observed.foreign && !load) steps.push(clear);
  return { name: desired.name, engine: desired.engine, model: desired.model, steps };
}

/** How much of a conversation an instance must hold to be left as it is. */
export interface LoadWish {
  /** Tokens. */
  readonly context: number;
  readonly earlier: EarlierLoad | undefined;
  /** What came short before may be tried again. */
  readonly anew: boolean;
}

/**
 * The instance that need not be loaded again: the largest that has enough. Else the one that the same wish has brought before:
 * LM Studio gives what it believes there is memory for and calls that a success (lmstudio-bug-tracker #1902; #2191: 152,576 of
 * 200,000 tokens), so that asking again would take the model away from who works with it, for nothing. Else one of which it is
 * not told how much it has, as that is not known to be too little.
 */
export function serving(
  instances: readonly FoundModel[],
  { context, earlier, anew }: LoadWish,
): FoundModel | undefined {
  const loaded = instances.filter(({ state }) => state === "loaded");
  const enough = loaded
    .filter(({ context: has = 0 }) => has >= context)
    .sort((a, b) => (b.context ?? 0) - (a.context ?? 0))[0];
  if (enough !== undefined || anew) return enough;
  return (
    loaded.find((each) => cameBefore(each, context, earlier)) ??
    loaded.find(({ context: has }) => has === undefined)
  );
}

/** It may have grown since: LM Studio rounds up at the first prompt (lmstudio-bug-tracker #2346: 40,000 to 40,192). */
function cameBefore(
  { id, context: has }: FoundModel,
  context: number,
  earlier: EarlierLoad | undefined,
): boolean {
  if (earlier?.context === undefined || has === undefined) return false;
  return earlier.id === id && earlier.asked === context && has >= earlier.context;
}

/** The instances of one model: LM Studio calls the second one of `x` by the id `x:2`. */
export function instancesOf(models: readonly FoundModel[], model: string): readonly FoundModel[] {
  return models.filter(({ id }) => id === model || id.replace(/:\d+$/, "") === model);
}
