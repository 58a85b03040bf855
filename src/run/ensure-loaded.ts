import type { FoundModel } from "../engines/engine.ts";
import { StackError } from "../errors.ts";
import type { Step } from "../plan/plan.ts";
import type { RunContext } from "../run-context.ts";
import { type LoadTarget, loadModel, unloadModel } from "./load-model.ts";
import type { UndoList } from "./undo.ts";

type LoadStep = Extract<Step, { readonly kind: "load" }>;

/** Milliseconds between two looks at a model that somebody else loads. */
const PAUSE_MS = 500;

/** The instance that serves from now on. */
interface Serving {
  readonly id: string;
  /** It was loaded here, not by somebody else in the meantime. */
  readonly ours: boolean;
}

/**
 * Has the model loaded with a window, unless an instance of it is `serving` already. One that somebody loads just now is waited
 * for: a second load would make a second copy. What is unloaded for it comes back when the rest fails.
 */
export async function ensureLoaded(
  context: RunContext,
  target: LoadTarget,
  step: LoadStep,
  undo: UndoList,
  look: () => Promise<readonly FoundModel[]>,
  serving: (instances: readonly FoundModel[]) => FoundModel | undefined,
): Promise<Serving> {
  const instances = await settled(context, target, step, look);
  const enough = serving(instances);
  if (enough !== undefined) return { id: enough.id, ours: false };
  const again = (): AbortSignal => AbortSignal.timeout(target.timeoutMs);
  for (const { id, context: tokens } of instances.filter(({ state }) => state === "loaded")) {
    undo.add(`Unload ${id}`, async () => {
      await loadModel(context, target, step.model, tokens, again());
    });
    await unloadModel(context, target, id, context.signal);
  }
  let loaded: string | undefined;
  undo.add(`Load ${step.model}`, async () => {
    // A load that was cut off goes on in the server.
    await unloadModel(context, target, loaded ?? step.model, again());
  });
  loaded = await loadModel(context, target, step.model, step.context, context.signal);
  return { id: loaded, ours: true };
}

async function settled(
  context: RunContext,
  target: LoadTarget,
  step: LoadStep,
  look: () => Promise<readonly FoundModel[]>,
): Promise<readonly FoundModel[]> {
  const { clock } = context.host;
  const deadline = clock.monotonic() + target.timeoutMs;
  for (;;) {
    const instances = await look();
    if (!instances.some(({ state }) => state === "loading")) return instances;
    if (clock.monotonic() > deadline) {
      throw new StackError("NOT_READY", {
        what: `${target.engine.title} has been loading ${step.model} for ${Math.round(target.timeoutMs / 1000)} s.`,
        next: target.engine.log,
      });
    }
    await clock.sleep(PAUSE_MS, context.signal);
  }
}
