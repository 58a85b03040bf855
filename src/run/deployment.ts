import type { Endpoint } from "../endpoint.ts";
import { StackError } from "../errors.ts";
import type { Plan, Step } from "../plan/plan.ts";
import { stepId, stepTitle } from "../plan/plan.ts";
import type { RunContext } from "../run-context.ts";
import type { StepFailed } from "../events.ts";
import type { UntriedGpu } from "./gpu.ts";
import type { FitReport } from "./stack-fit.ts";
import type { UndoList } from "./undo.ts";

/** What is wanted, compared with what is there: a plan, and the means to carry it out. One per kind of engine. */
export interface Deployment {
  readonly plan: Plan;
  /** What it takes of the memory; absent while nothing is known of the model, and for a server that is adopted. */
  readonly fit?: FitReport | undefined;
  /** Why nothing is known of that before the model is fetched. */
  readonly fitUnknown?: string | undefined;
  /** The GPU of the plan, where nothing is known of it but what daemon and machine tell. */
  readonly untriedGpu?: UntriedGpu | undefined;
  /**
   * Does the steps of the plan in order, and ends after the images when these made it `outdated`. What it starts goes on the
   * undo list first. `begin` comes before the first step that changes anything of the stack, and so not before a fetch.
   */
  execute(undo: UndoList, begin: () => Promise<void>): Promise<readonly DoneStep[]>;
  /** After the plan: the endpoint as it was found by the gate, or left by an earlier one. */
  endpoint(): Promise<Endpoint>;
  /**
   * Whether the plan must be made again, as an image was pulled that it knew nothing of: another than the one that runs, or one
   * in which the GPU has not been tried.
   */
  outdated?(): boolean;
}

export interface DeployOptions {
  /** Nothing may be changed: only the plan is wanted. */
  readonly dryRun: boolean;
  /** What runs is to be replaced even when it is as it should be. */
  readonly anew: boolean;
}

export interface DoneStep {
  readonly id: string;
  readonly title: string;
  readonly ms: number;
}

export type Actions = {
  readonly [K in Step["kind"]]?: (step: Extract<Step, { readonly kind: K }>) => Promise<void>;
};

function failed(step: DoneStep, error: unknown): StepFailed {
  const told =
    error instanceof StackError
      ? { code: error.code, why: error.why ?? error.what }
      : { why: String(error) };
  return { type: "step-failed", ...step, ...told };
}

/** What only brings here what the stack is made of. */
const FETCHES: ReadonlySet<Step["kind"]> = new Set(["image", "model"]);

/** Carries out steps one after the other, as `Deployment.execute` says, telling when each begins and ends. */
export async function executeSteps(
  context: RunContext,
  steps: readonly Step[],
  actions: Actions,
  {
    begin,
    outdated = () => false,
  }: { readonly begin: () => Promise<void>; readonly outdated?: () => boolean },
): Promise<readonly DoneStep[]> {
  const done: DoneStep[] = [];
  let begun = false;
  for (const step of steps) {
    context.signal.throwIfAborted();
    if (step.kind !== "image" && outdated()) break;
    if (!begun && !FETCHES.has(step.kind)) {
      await begin();
      begun = true;
    }
    const head = { id: stepId(step), title: stepTitle(step) };
    const start = context.host.clock.monotonic();
    context.emit({ type: "step-started", ...head });
    const action = actions[step.kind] as ((step: Step) => Promise<void>) | undefined;
    if (action === undefined) throw new Error(`no action for a step of kind ${step.kind}`);
    const elapsed = (): number => Math.round(context.host.clock.monotonic() - start);
    try {
      await action(step);
    } catch (error) {
      // Ctrl-C is no failure of the step.
      if (!context.signal.aborted) context.emit(failed({ ...head, ms: elapsed() }, error));
      throw error;
    }
    const ms = elapsed();
    context.emit({ type: "step-done", ...head, ms });
    done.push({ ...head, ms });
  }
  return done;
}
