import type { Endpoint } from "../endpoint.ts";
import type { Engine } from "../engines/engine.ts";
import { StackError, unreachable } from "../errors.ts";
import { ENGINES } from "../engines/index.ts";
import { engineToAdopt } from "../plan/adopted-base.ts";
import { type Plan, stepId, stepTitle } from "../plan/plan.ts";
import type { ResolvedSettings } from "../plan/settings.ts";
import { sameStack } from "../plan/same-stack.ts";
import { unusedSettings } from "../plan/unused-settings.ts";
import type { RunContext } from "../run-context.ts";
import type { DeployOptions, Deployment } from "./deployment.ts";
import type { PlannedStep, StackEvent } from "../events.ts";
import { acquireLock } from "../host/lock.ts";
import { noteModel } from "./begun-model.ts";
import { type KeptSettings, readKept, settingsToKeep, writeKept } from "./kept-settings.ts";
import { recover } from "./recover.ts";
import type { UntriedGpu } from "./gpu.ts";
import type { FitReport } from "./stack-fit.ts";
import { type StackFolder, stackFolder } from "./stack-folder.ts";
import { createUndoList } from "./undo.ts";

export interface UpResult {
  readonly name: string;
  readonly engine: string;
  /** Canonical model reference. */
  readonly model: string;
  /** False when what is wanted ran already, or for a dry run. */
  readonly changed: boolean;
  readonly dryRun: boolean;
  /** What was done, or for a dry run would be, in order. */
  readonly steps: readonly (PlannedStep & { readonly ms?: number })[];
  /** What it takes of the memory, as far as the model is known. */
  readonly fit?: FitReport;
  /** Why nothing is known of that before it is fetched. */
  readonly fitUnknown?: string;
  /** For a dry run: the GPU that would be asked for. */
  readonly gpu?: UntriedGpu;
  /** Absent for a dry run that has something to do. */
  readonly endpoint?: Endpoint;
}

/**
 * Makes the stack that the settings ask for: computes the plan, does what is missing, climbs the gate; with `anew` also
 * replaces what runs as it should. Interrupted or failed, it takes back what it had started. Errors: any code of `ERROR_CODES`;
 * the commands that they name are for this stack.
 */
export async function up(
  context: RunContext,
  settings: ResolvedSettings,
  options: DeployOptions,
): Promise<UpResult> {
  const { emit } = context;
  const tell = (event: StackEvent): void => {
    if (event.type !== "warning" || event.next === undefined) return emit(event);
    emit({ ...event, next: sameStack(event.next, settings) });
  };
  try {
    return await bringUp({ ...context, emit: tell }, settings, options);
  } catch (error) {
    if (!(error instanceof StackError) || error.next === undefined) throw error;
    const { code, what, why, next, detail } = error;
    const told = { what, why, next: sameStack(next, settings), detail };
    throw new StackError(code, { ...told, cause: error });
  }
}

async function bringUp(
  context: RunContext,
  settings: ResolvedSettings,
  options: DeployOptions,
): Promise<UpResult> {
  const { name } = settings.values;
  if (options.dryRun) return dryRun(context, settings, options);

  const folder = stackFolder(context.host, name);
  const lock = await acquireLock(context.host, folder.lockFile, "stack up");
  try {
    if (lock.takenOver) await recover(context, name);
    await noteModel(context, lock, settings);
    let deployment = await deploy(context, settings, options);
    const { plan } = deployment;
    context.emit({ type: "plan", name, steps: planned(plan) });
    if (deployment.fitUnknown !== undefined) {
      const message = `Whether it fits is not known before it is fetched: ${deployment.fitUnknown}`;
      context.emit({ type: "info", message });
    }
    const undo = createUndoList(context);
    const before = await readKept(folder);
    let begun = false;
    try {
      // Whoever finds what is begun, after a `kill -9`, is to know with what; until then what runs is what is meant.
      const begin = async (): Promise<void> => {
        begun = true;
        await writeKept(folder, settingsToKeep(settings));
      };
      const steps = [...(await deployment.execute(undo, begin))];
      if (deployment.outdated?.() === true) {
        const pulled = { ...settings.values, pull: "missing" } as const;
        deployment = await deploy(context, { ...settings, values: pulled }, options);
        context.emit({ type: "plan", name, steps: planned(deployment.plan) });
        steps.push(...(await deployment.execute(undo, begin)));
      }
      // Settings that change nothing of what runs are meant from now on, too.
      await begin();
      const { engine, model } = plan;
      const changed = steps.some(({ id }) => !id.startsWith("image:"));
      return {
        name,
        engine,
        model,
        changed,
        dryRun: false,
        steps,
        ...fitOf(deployment),
        endpoint: await deployment.endpoint(),
      };
    } catch (error) {
      await undo.rollBack();
      if (begun && !undo.committed) await putBack(context, folder, before);
      throw context.signal.aborted ? context.signal.reason : error;
    }
  } finally {
    await lock.release();
  }
}

/** The settings of before. It must not hide why that is done: a full disk, say. */
async function putBack(
  { emit }: RunContext,
  folder: StackFolder,
  kept: KeptSettings | undefined,
): Promise<void> {
  try {
    await writeKept(folder, kept);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const message = `The settings of ${folder.name} could not be put back as they were: ${why}`;
    emit({ type: "warning", message });
  }
}

async function dryRun(
  context: RunContext,
  settings: ResolvedSettings,
  options: DeployOptions,
): Promise<UpResult> {
  const deployment = await deploy(context, settings, options);
  const { name, engine, model, steps } = deployment.plan;
  const head = {
    name,
    engine,
    model,
    changed: false,
    dryRun: true,
    steps: planned(deployment.plan),
    ...fitOf(deployment),
    ...(deployment.untriedGpu === undefined ? {} : { gpu: deployment.untriedGpu }),
  };
  return steps.length === 0 ? { ...head, endpoint: await deployment.endpoint() } : head;
}

function planned({ steps }: Plan): readonly PlannedStep[] {
  return steps.map((step) => ({ id: stepId(step), title: stepTitle(step) }));
}

function fitOf({ fit, fitUnknown }: Deployment): Pick<UpResult, "fit" | "fitUnknown"> {
  return {
    ...(fit === undefined ? {} : { fit }),
    ...(fitUnknown === undefined ? {} : { fitUnknown }),
  };
}

async function deploy(
  context: RunContext,
  settings: ResolvedSettings,
  options: DeployOptions,
): Promise<Deployment> {
  const engine: Engine = ENGINES[settings.values.engine];
  const adopted = engineToAdopt(engine, settings);
  for (const message of unusedSettings(adopted ?? engine, settings)) {
    context.emit({ type: "warning", message });
  }
  if (adopted !== undefined) {
    const { adoptedStack } = await import("./adopted-stack.ts");
    return adoptedStack(context, settings, adopted, options);
  }
  switch (engine.kind) {
    case "adopted":
      throw new Error("an adopted engine is always adopted");
    case "process": {
      const { processStack } = await import("./process-stack.ts");
      return processStack(context, settings, engine, options);
    }
    case "container": {
      const { containerStack } = await import("./container-stack.ts");
      return containerStack(context, settings, engine, options);
    }
    default:
      return unreachable(engine);
  }
}
