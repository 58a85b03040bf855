import type { ContainerFacts } from "../docker/runtime.ts";
import { vouchesFor } from "../endpoint.ts";
import type { ContainerEngine } from "../engines/engine.ts";
import { hostMemory } from "../host/memory.ts";
import { engineMemory } from "../plan/fit/engine-memory.ts";
import { dockerNames } from "../offline/names.ts";
import { readLayout } from "../plan/gpu/gpu-layout.ts";
import { LABEL, type Role } from "../plan/labels.ts";
import type { Plan, Step } from "../plan/plan.ts";
import { planContainers } from "../plan/plan-containers.ts";
import type { ResolvedSettings, Settings } from "../plan/settings.ts";
import type { RunContext } from "../run-context.ts";
import { chooseParts, type ContainerChoice } from "./container-choice.ts";
import { containerShape, type ContainerShape, type ShapeQuestion } from "./container-shape.ts";
import { checkStoreOpen } from "./container-start.ts";
import { containerSteps, type Made } from "./container-steps.ts";
import { type ContainerWorld, lookAround } from "./container-world.ts";
import { type DeployOptions, type Deployment, executeSteps } from "./deployment.ts";
import { foresee } from "./foresee.ts";
import { untriedGpu } from "./gpu.ts";
import { heldMemory } from "./held-memory.ts";
import { memoryOfGpus } from "./memory-of-gpus.ts";

/** A stack whose engine runs in a container on a sealed network, behind the gateway. */
export async function containerStack(
  context: RunContext,
  resolved: ResolvedSettings,
  engine: ContainerEngine,
  options: DeployOptions,
): Promise<Deployment> {
  const settings = resolved.values;
  const world = await lookAround(context, resolved, engine, options.dryRun);
  const choice = await chooseParts(context, settings, engine, world, options);
  const { runtime, model, containers, process } = world;
  const { devices } = choice.gpu;
  const host = await hostMemory();
  const shapeWith = (
    kept: ShapeQuestion["kept"],
    memory: Omit<ShapeQuestion["memory"], "host"> = { heldBytes: 0, gpus: [] },
  ): ContainerShape =>
    containerShape({ settings, engine, world, choice, memory: { host, ...memory }, kept });

  const planned = (of: ContainerShape): Plan =>
    planFor(settings, engine, world, choice, of, options);

  // As it would be if what runs stayed. Only where there is more to do is it asked what memory there is: Engine 20.10 takes a
  // second to say what the containers hold, and nvidia-smi half a minute on some machines.
  const kept = options.anew ? {} : whatIsKept(world, choice, engine);
  let shape = shapeWith(kept);
  let plan = planned(shape);
  const counts = options.dryRun || plan.steps.length > 0;
  if (counts) {
    const [heldBytes, { cards: gpus, counted }] = await Promise.all([
      heldMemory(context, runtime, { containers, pid: process?.pid }),
      memoryOfGpus(context, devices, containers),
    ]);
    shape = shapeWith(has(plan, "containers") ? {} : kept, { heldBytes, gpus });
    plan = planned(shape);
    const spreads = engineMemory(engine.name).sharesEvenly && has(plan, "containers");
    if (spreads && !counted) {
      const message = `How many GPUs there are is not known, as nvidia-smi does not tell: ${engine.title} is to use one.`;
      context.emit({ type: "warning", message, next: "nvidia-smi" });
    }
  }
  const starts = has(plan, "containers");
  const { fit } = shape;

  const { format } = engine;
  const { reference, store } = world;
  const foreseen = counts
    ? await foresee(store, { settings, reference, model, format, fit })
    : undefined;
  if (starts) {
    const hopeless = model.stored && engine.unservable?.(shape.inputOf(model.stored));
    const obstacle = hopeless ?? foreseen?.fit?.misfit;
    if (obstacle !== undefined) throw obstacle;
    await checkStoreOpen(context, store.root);
  }

  let made: Made = {
    stored: model.stored,
    images: choice.images,
    port: choice.port,
    started: containers.map((each) => ({
      role: each.labels[LABEL.role] ?? "",
      id: each.id,
      startedAt: each.startedAt,
    })),
    endpoint: world.known,
  };
  const change = (what: Partial<Made>): void => {
    made = { ...made, ...what };
  };
  const pulled = (role: Role): boolean => made.images[role].id !== choice.images[role].id;
  const outdated = (): boolean =>
    (pulled("engine") && (!starts || devices.length > 0)) || (pulled("gateway") && !starts);
  const job = { ...world, ...choice, ...shape, settings, engine, starts };
  return {
    plan,
    outdated,
    fit: foreseen?.fit && fit.report(foreseen.fit),
    fitUnknown: foreseen?.unknown,
    untriedGpu: untriedGpu(choice.gpu),
    endpoint: async () => {
      if (made.endpoint === undefined) throw new Error("there is no endpoint before the gate");
      return made.endpoint;
    },
    execute: (undo, begin) =>
      executeSteps(
        context,
        plan.steps,
        containerSteps(context, job, undo, () => made, change),
        { begin, outdated },
      ),
  };
}

function has({ steps }: Plan, kind: Step["kind"]): boolean {
  return steps.some((step) => step.kind === kind);
}

/** The context that `auto` found for what runs with this model, and how it is spread over its GPUs. */
function whatIsKept(
  { model, containers }: ContainerWorld,
  { gpu }: ContainerChoice,
  engine: ContainerEngine,
): ShapeQuestion["kept"] {
  const running = containers.filter(({ state }) => state === "running");
  const labelled = (label: string): ContainerFacts | undefined =>
    running.find(({ labels }) => labels[label] !== undefined);
  const onGpu = labelled(LABEL.gpu);
  const sameGpu = onGpu !== undefined && onGpu.labels[LABEL.gpu] === gpu.labels[LABEL.gpu];
  const found = labelled(LABEL.foundContext)?.labels;
  const same = found?.[LABEL.engine] === engine.name && found[LABEL.model] === model.reference;
  return {
    ...(same ? { context: Number(found[LABEL.foundContext]) } : {}),
    ...(sameGpu ? { layout: readLayout(onGpu.labels[LABEL.gpuLayout]) } : {}),
  };
}

function planFor(
  { name, ready }: Settings,
  engine: ContainerEngine,
  world: ContainerWorld,
  { images, port }: ContainerChoice,
  shape: ContainerShape,
  { anew }: DeployOptions,
): Plan {
  const { model, containers, networks, known, process } = world;
  const { stored } = model;
  const complete = images.engine.id !== undefined && images.gateway.id !== undefined;
  return planContainers(
    {
      name,
      engine: engine.name,
      model: model.reference,
      images: { engine: images.engine.exact, gateway: images.gateway.exact },
      networks: dockerNames(name),
      hash: stored && complete ? shape.describe({ stored, images, port }).hash : undefined,
      anew,
    },
    {
      modelStored: stored !== undefined,
      pull: { engine: images.engine.pull, gateway: images.gateway.pull },
      containers: containers.map((each) => ({
        running: each.state === "running",
        hash: each.labels[LABEL.plan],
      })),
      networks: networks.map((each) => each.name),
      endpointKnown: vouchesFor(known, engine.name, ready),
      processRuns: process !== undefined,
    },
  );
}
