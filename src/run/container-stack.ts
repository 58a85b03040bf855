import { createHash } from "node:crypto";
import { connect } from "../docker/connect.ts";
import { reached } from "../endpoint.ts";
import { engineImage } from "../engines/engine-image.ts";
import type { ContainerEngine, EngineInput } from "../engines/engine.ts";
import { containerWeightsPath } from "../engines/store-mount.ts";
import { StackError } from "../errors.ts";
import { hostMemory } from "../host/memory.ts";
import type { StoredModel } from "../models/model.ts";
import { parseReference } from "../models/reference.ts";
import { openStore } from "../models/store.ts";
import { dockerNames } from "../offline/names.ts";
import { describeContainers } from "../plan/container-stack-spec.ts";
import { containerBudget } from "../plan/fit/container-budget.ts";
import { engineMemory } from "../plan/fit/engine-memory.ts";
import { tokenBytes } from "../plan/fit/kv-cache.ts";
import { gpuLayout, keptShare } from "../plan/gpu/gpu-layout.ts";
import { parseGpuPolicy } from "../plan/gpu/policy.ts";
import { LABEL, type Role } from "../plan/labels.ts";
import { planContainers } from "../plan/plan-containers.ts";
import { heedFloor, imageTag } from "../plan/security-floor.ts";
import type { ResolvedSettings } from "../plan/settings.ts";
import { type ContainerJob, containerSteps, type Made } from "./container-steps.ts";
import type { RunContext } from "../run-context.ts";
import { type DeployOptions, type Deployment, executeSteps } from "./deployment.ts";
import { runningEngineProcess } from "./engine-process.ts";
import { foresee } from "./foresee.ts";
import { choosePort, portOf, type PortWish } from "./free-port.ts";
import { settleGpu, untriedGpu, warnOfOldDriver } from "./gpu.ts";
import { heldMemory, memoryOfGpus } from "./held-memory.ts";
import { imageLockFile, readImageLock } from "./image-lock.ts";
import { type StackFit, stackFit } from "./stack-fit.ts";
import { ensureKey, readEndpoint, readKey, stackFolder } from "./stack-folder.ts";
import { chooseImages, preflightImages } from "./stack-images.ts";

/** A stack whose engine runs in a container on a sealed network, behind the gateway. */
export async function containerStack(
  context: RunContext,
  resolved: ResolvedSettings,
  engine: ContainerEngine,
  { dryRun, anew }: DeployOptions,
): Promise<Deployment> {
  const { host } = context;
  const settings = resolved.values;
  const { name } = settings;
  const folder = stackFolder(host, name);
  const store = openStore(context);
  const reference = parseReference(settings.model);
  const lockFile = imageLockFile(host, resolved);
  const label = { [LABEL.name]: name };

  const runtime = await connect(host, { signal: context.signal });
  const [daemon, model, known, locked, containers, networks, process, key] = await Promise.all([
    runtime.facts(context.signal),
    store.plan(reference, engine.format),
    readEndpoint(folder),
    readImageLock(lockFile),
    runtime.containers.list(label, context.signal),
    runtime.networks.list(label, context.signal),
    runningEngineProcess(host, folder),
    // Any will do where nothing is made with it.
    dryRun ? readKey(folder) : ensureKey(folder),
  ]);
  const apiKey = key ?? "";
  if (!daemon.local) throw remoteDaemon(daemon.address);
  const { image: named, allowVulnerable: allowed } = settings;
  // Before a GPU is looked for in a container of it.
  if (named !== undefined) heedFloor(engine, [imageTag(named)], { allowed, instead: undefined });
  const policy = parseGpuPolicy(settings.gpu);
  const gpu = await settleGpu(context, runtime, {
    stack: name,
    policy,
    engine,
    daemon,
    // A restart is also for a GPU that was lost: it is looked for again.
    containers: anew ? [] : containers,
    images: (wanted) => preflightImages(engineImage(engine, wanted), settings, locked),
    mayTry: !dryRun,
    told: known?.warnings ?? [],
  });
  const { accelerator } = gpu;
  const images = await chooseImages(
    context,
    runtime,
    engineImage(engine, accelerator),
    settings,
    locked,
  );
  if (images.engine.pull && named === undefined) {
    await warnOfOldDriver(context, engineImage(engine, accelerator));
  }
  const heed = (version?: string): readonly string[] => {
    const { repository, tag } = engineImage(engine, accelerator);
    const instead = named === undefined ? `${repository}:${tag}` : undefined;
    return heedFloor(engine, [version, imageTag(images.engine.reference)], { allowed, instead });
  };
  heed();
  const portWish: PortWish = {
    wanted: settings.port,
    previous: portOf(known),
    own: containers.flatMap((each) => each.ports.map(({ hostPort }) => hostPort)),
  };
  const port = await choosePort(portWish);

  const runs = containers.some((each) => each.state === "running");
  const same = known?.engine === engine.name && known.reference === model.reference;
  const replaced = { containers, pid: process?.pid };
  const held = (): Promise<number> => heldMemory(context, runtime, replaced);
  const [memory, heldBytes, gpus] = await Promise.all([
    hostMemory(),
    // Engine 20.10 takes a second for it, so that it is asked below where what runs may well stay.
    dryRun || containers.length === 0 ? held() : 0,
    memoryOfGpus(context, gpu.devices, replaced),
  ]);
  const fitBeside = (heldBytes: number): StackFit =>
    stackFit({
      settings: engine.capsAtTraining ? { ...settings, stretch: false } : settings,
      engine: engine.name,
      reference: model.reference,
      budget: containerBudget(
        {
          host: memory,
          daemonBytes: daemon.memoryBytes,
          heldBytes,
          gpus: gpus.map(({ freeBytes }) => freeBytes),
        },
        settings.memory,
      ),
      running: runs && same ? known : undefined,
    });
  let fit = fitBeside(heldBytes);

  const onSameGpus = containers.find(
    ({ state, labels }) =>
      state === "running" &&
      labels[LABEL.gpu] !== undefined &&
      labels[LABEL.gpu] === gpu.labels[LABEL.gpu],
  );
  let kept = onSameGpus && keptShare(onSameGpus.labels[LABEL.gpuMemory]);
  const { sharesEvenly } = engineMemory(engine.name);
  const inputOf = (stored: StoredModel): EngineInput & { readonly model: StoredModel } => {
    const { window } = fit.of(stored);
    const { memory } = stored.facts;
    return {
      model: stored,
      servedName: engine.servedName?.(stored.servedName) ?? stored.servedName,
      context: window.tokens,
      parallel: settings.parallel,
      kvType: settings.kvType,
      maxOutputTokens: window.maxOutputTokens,
      storeDir: store.root,
      extraArgs: settings.engineArgs,
      weightsPath: containerWeightsPath(stored),
      chatTemplate:
        stored.format === "safetensors" ? (stored.chatTemplate ?? undefined) : undefined,
      kvBytesPerToken: memory ? tokenBytes(memory, engineMemory(engine.name)) : undefined,
      cpus: daemon.cpus,
      accelerator,
      gpus: sharesEvenly ? gpuLayout(gpus, memory ?? undefined, kept) : undefined,
    };
  };
  const describe: ContainerJob["describe"] = ({ stored, images, port }) => {
    const input = inputOf(stored);
    const share = input.gpus?.memoryShare;
    return describeContainers({
      name,
      engine,
      input,
      reference: model.reference,
      images,
      daemon,
      port,
      keySha256: createHash("sha256").update(apiKey).digest("hex"),
      memory: settings.memory,
      gpu: {
        devices: gpu.devices,
        labels: {
          ...gpu.labels,
          ...(share === undefined ? {} : { [LABEL.gpuMemory]: `${share}` }),
        },
      },
    });
  };

  let made: Made = {
    stored: model.stored,
    images,
    port,
    started: containers.map((each) => ({ role: each.labels[LABEL.role] ?? "", id: each.id })),
    endpoint: known,
  };
  const complete = images.engine.id !== undefined && images.gateway.id !== undefined;
  const hashNow = (): string | undefined =>
    model.stored === undefined || !complete
      ? undefined
      : describe({ ...made, stored: model.stored }).hash;
  let hash = hashNow();
  const stays = (): boolean =>
    !anew && containers.every(({ labels }) => labels[LABEL.plan] === hash);
  if (!stays() && !dryRun) {
    fit = fitBeside(await held());
    hash = hashNow();
  }
  if (!stays()) {
    // It is replaced in any case, so what is free now counts.
    kept = undefined;
    hash = hashNow();
  }
  const plan = planContainers(
    {
      name,
      engine: engine.name,
      model: model.reference,
      images: { engine: images.engine.exact, gateway: images.gateway.exact },
      networks: dockerNames(name),
      hash,
      anew,
    },
    {
      modelStored: model.stored !== undefined,
      pull: { engine: images.engine.pull, gateway: images.gateway.pull },
      containers: containers.map((each) => ({
        running: each.state === "running",
        hash: each.labels[LABEL.plan],
      })),
      networks: networks.map((each) => each.name),
      endpointKnown: known !== undefined && reached(known, settings.ready),
      processRuns: process !== undefined,
    },
  );

  const { format } = engine;
  const foreseen = await foresee(store, { settings, reference, model, format, fit });
  const hopeless = model.stored && engine.unservable?.(inputOf(model.stored));
  const obstacle = hopeless ?? foreseen.fit?.misfit;
  if (obstacle !== undefined && plan.steps.some(({ kind }) => kind === "containers")) {
    throw obstacle;
  }

  const job: ContainerJob = {
    settings,
    engine,
    runtime,
    store,
    folder,
    lockFile,
    apiKey,
    reference,
    model: model.reference,
    fit,
    gpu,
    portWish,
    inputOf,
    describe,
    heed,
  };
  const change = (what: Partial<Made>): void => {
    made = { ...made, ...what };
  };
  const current = !plan.steps.some(({ kind }) => kind === "containers");
  const pulled = (role: Role): boolean => made.images[role].id !== images[role].id;
  const outdated = (): boolean =>
    (pulled("engine") && (current || gpu.devices.length > 0)) || (pulled("gateway") && current);
  return {
    plan,
    outdated,
    fit: foreseen.fit && fit.report(foreseen.fit),
    fitUnknown: foreseen.unknown,
    untriedGpu: untriedGpu(gpu),
    endpoint: async () => {
      if (made.endpoint === undefined) throw new Error("there is no endpoint before the gate");
      return made.endpoint;
    },
    execute: (undo) =>
      executeSteps(
        context,
        plan.steps,
        containerSteps(context, job, undo, () => made, change),
        outdated,
      ),
  };
}

function remoteDaemon(address: string): StackError {
  return new StackError("DOCKER_UNREACHABLE", {
    what: `The container daemon at ${address} is on another machine.`,
    why: "Models are mounted from this machine's disk, which it can't see.",
    next: `run stack there: ssh ${new URL(address).hostname || "host"}`,
  });
}
