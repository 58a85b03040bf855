import type { Endpoint } from "../endpoint.ts";
import type { ContainerEngine } from "../engines/engine.ts";
import type { StoredModel } from "../models/model.ts";
import { parseGpuPolicy } from "../plan/gpu/policy.ts";
import type { Settings } from "../plan/settings.ts";
import type { RunContext } from "../run-context.ts";
import { clearContainers, clearStack, removeContainers } from "./clear-stack.ts";
import { climb } from "./climb.ts";
import type { ContainerChoice } from "./container-choice.ts";
import { watchContainers, type Watched } from "./container-exit.ts";
import type { ContainerShape } from "./container-shape.ts";
import { allOrThrow, checkSeal, createNetworks, startContainers } from "./container-start.ts";
import type { ContainerWorld } from "./container-world.ts";
import type { Actions } from "./deployment.ts";
import { SEARCHED } from "./engine-failure.ts";
import { fetchOptions } from "./fetch-options.ts";
import { onFreePort } from "./free-port.ts";
import { proveGpu } from "./gpu.ts";
import { forgetRun, writeEndpoint } from "./stack-folder.ts";
import { lockStackImages, pullImage, type StackImages } from "./stack-images.ts";
import type { UndoList } from "./undo.ts";

/** Lines of the engine's log that narration begins with: in practice all. */
const WHOLE_LOG = 10_000;

/** All that was found out and chosen before anything is done. */
export interface ContainerJob extends ContainerWorld, ContainerChoice, ContainerShape {
  readonly settings: Settings;
  readonly engine: ContainerEngine;
  /** The plan starts containers. */
  readonly starts: boolean;
}

/** What the steps change as they go; at first, what is there already. */
export interface Made {
  readonly stored: StoredModel | undefined;
  readonly images: StackImages;
  readonly port: number;
  readonly started: readonly Watched[];
  readonly endpoint: Endpoint | undefined;
}

/** What each step of a stack of containers does. `change` keeps what it has made. */
export function containerSteps(
  context: RunContext,
  job: ContainerJob,
  undo: UndoList,
  made: () => Made,
  change: (what: Partial<Made>) => void,
): Actions {
  const { settings, engine, runtime, fit, gpu } = job;
  const { name } = settings;
  const withModel = (): Made & { readonly stored: StoredModel } => {
    const { stored } = made();
    if (stored === undefined) throw new Error("the model is used before it was fetched");
    return { ...made(), stored };
  };
  const remove = async (signal: AbortSignal): Promise<void> => {
    await clearContainers(runtime, name, signal);
  };

  return {
    image: async ({ role }) => {
      const { images } = made();
      const pulled = await pullImage(context, runtime, images[role]);
      change({ images: { ...images, [role]: pulled } });
      // What was asked for anew is what counts from now on, whether it runs yet or not.
      if (settings.pull === "always") {
        await lockStackImages(context, runtime, job.lockFile, made().images);
      }
    },
    model: async () => {
      const stored = await job.store.ensure(job.reference, fetchOptions(settings), engine.format);
      const obstacle = engine.unservable?.(job.inputOf(stored)) ?? fit.of(stored).misfit;
      if (obstacle !== undefined) throw obstacle;
      change({ stored });
    },
    clear: async () => {
      await clearStack(context, name);
    },
    networks: async ({ networks }) => {
      undo.add("Create the networks", remove);
      await forgetRun(job.folder);
      const roles = networks.map(({ role }) => role);
      await createNetworks(runtime, job.describe(withModel()).networks, roles);
      await checkSeal(context, runtime, settings);
    },
    containers: async () => {
      undo.add(`Start ${engine.name} and its gateway`, remove);
      // An endpoint from before would make what is only begun look finished, to whoever finds it after a `kill -9`.
      await forgetRun(job.folder);
      const start = async (port: number): Promise<readonly Watched[]> => {
        // Their names are taken by the attempt before.
        if (port !== made().port) await removeContainers(runtime, name, context.signal);
        change({ port });
        return startContainers(runtime, job.describe(withModel()));
      };
      const { stored } = withModel();
      if (engine.capsByManifest === true && stored.format === "gguf") {
        await job.store.capAnswers(stored, job.inputOf(stored).maxOutputTokens);
      }
      const [started] = await allOrThrow([
        onFreePort(job.portWish, made().port, start),
        lockStackImages(context, runtime, job.lockFile, made().images),
      ]);
      change({ started });
    },
    gate: async () => {
      const { stored, images, port, started } = withModel();
      const { id: container = "", startedAt } = started.find(({ role }) => role === "engine") ?? {};
      const input = job.inputOf(stored);
      const found = await climb(context, {
        settings,
        engine,
        input,
        reference: job.model.reference,
        port,
        apiKey: job.apiKey,
        startKey: job.starts ? [images.engine.id] : undefined,
        follow: (onLine, signal) =>
          runtime.containers.follow(container, { tail: WHOLE_LOG, startedAt, signal, onLine }),
        watch: (signal) => watchContainers(runtime, started, signal),
        outOfMemory: async () =>
          (await runtime.containers.inspect(container, context.signal))?.oomKilled ?? false,
        tail: () =>
          runtime.containers.tail(container, SEARCHED, { startedAt, signal: context.signal }),
        heed: ({ engineVersion }) => {
          if (typeof engineVersion === "string") job.heed(engineVersion);
        },
        warnings: [
          ...fit.of(stored).window.warnings,
          ...gpu.warnings,
          ...(engine.warnings?.(input) ?? []),
        ],
      });
      const proved = await proveGpu(context, runtime, {
        policy: parseGpuPolicy(settings.gpu),
        engine,
        settled: gpu,
        container: { id: container, startedAt },
        endpoint: found,
      });
      const floor = job.heed(found.measured?.engineVersion);
      const endpoint = { ...proved, warnings: [...floor, ...proved.warnings] };
      await writeEndpoint(job.folder, endpoint);
      change({ endpoint });
    },
  };
}
