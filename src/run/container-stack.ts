import { createHash } from "node:crypto";
import { connect } from "../docker/connect.ts";
import type { Runtime } from "../docker/runtime.ts";
import { type Endpoint, reached } from "../endpoint.ts";
import type { ContainerEngine, EngineInput } from "../engines/engine.ts";
import { engineImage } from "../engines/engine-image.ts";
import { containerWeightsPath } from "../engines/weights-path.ts";
import { StackError } from "../errors.ts";
import { findings } from "../gate/findings.ts";
import { ladder } from "../gate/ladder.ts";
import { type GateFacts, runGate } from "../gate/run-gate.ts";
import type { StoredModel } from "../models/model.ts";
import { parseReference } from "../models/reference.ts";
import { openStore } from "../models/store.ts";
import { dockerNames } from "../offline/names.ts";
import { describeContainers, type ContainerStackSpec } from "../plan/container-stack-spec.ts";
import { parseGpuPolicy } from "../plan/gpu/policy.ts";
import { LABEL } from "../plan/labels.ts";
import { planContainers } from "../plan/plan-containers.ts";
import { sealOf } from "../plan/seal.ts";
import type { ResolvedSettings } from "../plan/settings.ts";
import { clearContainers, clearStack } from "./clear-stack.ts";
import { TAIL, watchContainers, type Watched } from "./container-exit.ts";
import type { RunContext } from "./context.ts";
import { type Deployment, executeSteps } from "./deployment.ts";
import { runningEngineProcess } from "./engine-process.ts";
import { fetchOptions } from "./fetch-options.ts";
import { choosePort } from "./free-port.ts";
import { proveGpu, settleGpu } from "./gpu.ts";
import { imageLockFile, readImageLock } from "./image-lock.ts";
import { chooseImages, lockStackImages, preflightImages, pullImage } from "./stack-images.ts";
import { narrated, type Narration } from "./narrate.ts";
import { containerBudget, freeOfGpus, stackFit } from "./stack-fit.ts";
import { ensureKey, readEndpoint, stackFolder, writeEndpoint } from "./stack-folder.ts";

/** A stack whose engine runs in a container on a sealed network, behind the gateway. */
export async function containerStack(
  context: RunContext,
  resolved: ResolvedSettings,
  engine: ContainerEngine,
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
  const [daemon, model, known, locked, containers, networks, process, apiKey] = await Promise.all([
    runtime.facts(context.signal),
    store.plan(reference, engine.format),
    readEndpoint(folder),
    readImageLock(lockFile),
    runtime.containers.list(label, context.signal),
    runtime.networks.list(label, context.signal),
    runningEngineProcess(host, folder),
    ensureKey(folder),
  ]);
  if (!daemon.local) throw remoteDaemon(daemon.address);
  const policy = parseGpuPolicy(settings.gpu);
  const gpu = await settleGpu(context, runtime, {
    stack: name,
    policy,
    engine,
    daemon,
    containers,
    images: (wanted) => preflightImages(engineImage(engine, wanted), settings),
  });
  const { accelerator } = gpu;
  let images = await chooseImages(
    context,
    runtime,
    engineImage(engine, accelerator),
    settings,
    locked,
  );
  const port = await choosePort({
    wanted: settings.port,
    previous: known === undefined ? undefined : Number(new URL(known.apiBase).port),
    own: containers.flatMap((each) => each.ports.map(({ hostPort }) => hostPort)),
  });

  const runs = containers.some((each) => each.state === "running");
  const same = known?.engine === engine.name && known.reference === model.reference;
  const fit = stackFit({
    settings,
    engine: engine.name,
    reference: model.reference,
    budget: await containerBudget(daemon, settings.memory, {
      gpus: await freeOfGpus(context, gpu),
      replaces: runs,
    }),
    running: runs && same ? known : undefined,
  });

  const inputOf = (stored: StoredModel): EngineInput => {
    const { window } = fit.of(stored);
    return {
      model: stored,
      servedName: stored.servedName,
      context: window.tokens,
      parallel: settings.parallel,
      kvType: settings.kvType,
      maxOutputTokens: window.maxOutputTokens,
      storeDir: store.root,
      extraArgs: settings.engineArgs,
      weightsPath: containerWeightsPath(stored),
      cpus: daemon.cpus,
      accelerator,
    };
  };
  const describe = (stored: StoredModel): ContainerStackSpec =>
    describeContainers({
      name,
      engine,
      input: inputOf(stored),
      reference: model.reference,
      images,
      daemon,
      port,
      keySha256: createHash("sha256").update(apiKey).digest("hex"),
      memory: settings.memory,
      gpu,
    });

  const complete = images.engine.id !== undefined && images.gateway.id !== undefined;
  const hash = model.stored === undefined || !complete ? undefined : describe(model.stored).hash;
  const names = dockerNames(name);
  const plan = planContainers(
    {
      name,
      engine: engine.name,
      model: model.reference,
      images: { engine: images.engine.exact, gateway: images.gateway.exact },
      networks: names,
      hash,
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

  const foreseen = model.stored === undefined ? fit.ofCatalog() : fit.of(model.stored);
  if (foreseen?.misfit !== undefined && plan.steps.some(({ kind }) => kind === "containers")) {
    throw foreseen.misfit;
  }

  let stored = model.stored;
  let endpoint = known;
  let started: readonly Watched[] = containers.map((each) => ({
    role: each.labels[LABEL.role] ?? "",
    id: each.id,
  }));
  const fetched = (): StoredModel => {
    if (stored === undefined) throw new Error("the model is used before it was fetched");
    return stored;
  };

  /** What makes two starts take the same time. */
  const startKey = (): string =>
    [
      engine.name,
      images.engine.id,
      fetched().weights.digest,
      inputOf(fetched()).context,
      settings.parallel,
    ].join(" ");

  return {
    plan,
    fit: foreseen === undefined ? undefined : fit.report(foreseen),
    endpoint: async () => {
      if (endpoint === undefined) throw new Error("there is no endpoint before the gate");
      return endpoint;
    },
    execute: (undo) =>
      executeSteps(context, plan.steps, {
        image: async ({ role }) => {
          images = { ...images, [role]: await pullImage(context, runtime, images[role]) };
        },
        model: async () => {
          stored = await store.ensure(reference, fetchOptions(settings), engine.format);
          const { misfit } = fit.of(stored);
          if (misfit !== undefined) throw misfit;
        },
        clear: async () => {
          await clearStack(context, name);
        },
        networks: async ({ networks: wanted }) => {
          undo.add("Create the networks", async (signal) => {
            await clearContainers(runtime, name, signal);
          });
          const specs = describe(fetched()).networks;
          await allOrThrow(
            wanted.map(({ role }) => runtime.networks.create(specs[role], unbroken())),
          );
          await checkSeal(context, runtime, settings, name);
        },
        containers: async () => {
          undo.add(`Start ${engine.name} and its gateway`, async (signal) => {
            await clearContainers(runtime, name, signal);
          });
          const [watched] = await allOrThrow([
            startContainers(runtime, describe(fetched())),
            lockStackImages(context, runtime, lockFile, images),
          ]);
          started = watched;
        },
        gate: async () => {
          const input = inputOf(fetched());
          const { ready, parallel } = settings;
          const question = { model: input.servedName, window: input.context };
          const climb = (): Promise<GateFacts> =>
            runGate(context, ladder(engine.probes(input), ready, question), {
              origin: `http://127.0.0.1:${port}`,
              apiKey,
              timeoutMs: settings.timeout * 1000,
              watch: (signal) => watchContainers(runtime, started, signal),
              tail: () => engineTail(runtime, started, context.signal),
            });
          const facts = await narrated(context, narration(runtime, started, startKey()), climb);
          const seen = findings(facts, {
            ready,
            window: input.context,
            parallel,
            truncates: engine.truncates,
          });
          const found: Endpoint = {
            name,
            engine: engine.name,
            apiBase: `http://127.0.0.1:${port}/v1`,
            apiKey,
            model: input.servedName,
            reference: model.reference,
            ...measured(input, seen.contextWindow),
            tools: engine.takesTools(fetched()) && seen.tools !== false,
            measured: seen.measured,
            warnings: [...fit.of(fetched()).window.warnings, ...gpu.warnings, ...seen.warnings],
          };
          const container = started.find(({ role }) => role === "engine")?.id ?? "";
          const proof = { policy, engine, settled: gpu, container, endpoint: found };
          const told = await proveGpu(context, runtime, proof);
          endpoint = { ...found, warnings: [...found.warnings, ...told] };
          await writeEndpoint(folder, endpoint);
        },
      }),
  };
}

/** The engine's own log, from its first line. */
function narration(runtime: Runtime, containers: readonly Watched[], key: string): Narration {
  const engine = containers.find((each) => each.role === "engine");
  return {
    key,
    follow: async (onLine, signal) => {
      if (engine === undefined) return;
      await runtime.containers.follow(engine.id, { tail: 10_000, signal, onLine });
    },
  };
}

/** Creates both containers at once, gives the gateway its configuration, and starts them. */
async function startContainers(
  runtime: Runtime,
  spec: ContainerStackSpec,
): Promise<readonly Watched[]> {
  const signal = unbroken();
  const engine = async (): Promise<string> => {
    const id = await runtime.containers.create(spec.engine, signal);
    await runtime.containers.start(id, signal);
    return id;
  };
  const gateway = async (): Promise<string> => {
    const id = await runtime.containers.create(spec.gateway, signal);
    const { directory, file } = spec.gatewayFile;
    await runtime.containers.putFiles(id, directory, [file], signal);
    await runtime.containers.start(id, signal);
    return id;
  };
  const [engineId, gatewayId] = await allOrThrow([engine(), gateway()]);
  return [
    { role: "engine", id: engineId },
    { role: "gateway", id: gatewayId },
  ];
}

/**
 * For requests that make something: broken off by Ctrl-C, the daemon would make it all the same, after the clean-up
 * has looked. They take a second or two; the interrupt is heard between the steps.
 */
function unbroken(): AbortSignal {
  return AbortSignal.timeout(60_000);
}

/** `Promise.all` that waits for every one even when one fails: what is still under way could not be taken back. */
async function allOrThrow<T extends readonly unknown[]>(work: {
  readonly [K in keyof T]: Promise<T[K]>;
}): Promise<T> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

/** The daemon's word on the network it made: with `requireIsolated`, a host that is in reach is a leak. */
async function checkSeal(
  context: RunContext,
  runtime: Runtime,
  settings: { readonly requireIsolated: boolean },
  name: string,
): Promise<void> {
  const networks = await runtime.networks.list({ [LABEL.name]: name }, context.signal);
  const seal = sealOf(
    "containers",
    networks.find((network) => network.internal),
  );
  if (seal.kind === "isolated") return;
  if (settings.requireIsolated) {
    throw new StackError("NETWORK_LEAK", {
      what: "The sealed network is not isolated from the host.",
      why: seal.warnings[0],
      next: "update to Docker Engine 28 or newer, or leave out --require-isolated",
    });
  }
  for (const message of seal.warnings) context.emit({ type: "warning", message });
}

/** What the engine said of itself goes before what it was told. */
function measured(
  input: EngineInput,
  contextWindow: number,
): Pick<Endpoint, "contextWindow" | "maxOutputTokens"> {
  return {
    contextWindow,
    maxOutputTokens: Math.max(1, Math.min(input.maxOutputTokens, Math.floor(contextWindow / 4))),
  };
}

async function engineTail(
  runtime: Runtime,
  containers: readonly Watched[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const engine = containers.find((each) => each.role === "engine");
  return engine === undefined ? [] : runtime.containers.tail(engine.id, TAIL, signal);
}

function remoteDaemon(address: string): StackError {
  return new StackError("DOCKER_UNREACHABLE", {
    what: `The container daemon at ${address} is on another machine.`,
    why: "Models are mounted from this machine's disk, which it can't see.",
    next: `run stack there: ssh ${new URL(address).hostname || "host"}`,
  });
}
