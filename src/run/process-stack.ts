import type { EmbeddedConfigInput } from "../embedded/config.ts";
import { type Endpoint, vouchesFor } from "../endpoint.ts";
import type { ProcessEngine } from "../engines/engine.ts";
import { StackError } from "../errors.ts";
import { processMemory } from "../host/memory.ts";
import type { ProcessIdentity } from "../host/process-identity.ts";
import type { StoredModel } from "../models/model.ts";
import { parseReference } from "../models/reference.ts";
import { openStore } from "../models/store.ts";
import { planHash } from "../plan/hash.ts";
import { planProcess } from "../plan/plan-process.ts";
import type { ResolvedSettings } from "../plan/settings.ts";
import { clearStack } from "./clear-stack.ts";
import { climb } from "./climb.ts";
import { SEARCHED } from "./engine-failure.ts";
import type { RunContext } from "../run-context.ts";
import { type DeployOptions, type Deployment, executeSteps } from "./deployment.ts";
import {
  portsOfProcess,
  runningEngineProcess,
  startEngineProcess,
  stopEngineProcess,
  watchEngineProcess,
} from "./engine-process.ts";
import { fetchOptions } from "./fetch-options.ts";
import { requireGpuOfProcess } from "./gpu-of-process.ts";
import { followFile } from "./follow-file.ts";
import { foresee } from "./foresee.ts";
import { choosePort, onFreePort, portOf, type PortWish } from "./free-port.ts";
import type { HeldByContainers } from "./held-memory.ts";
import { lastLines } from "./last-lines.ts";
import { processBudget, type StackFit, stackFit } from "./stack-fit.ts";
import {
  ensureKey,
  forgetRun,
  readEndpoint,
  readKey,
  stackFolder,
  writeEndpoint,
} from "./stack-folder.ts";

/** A stack whose engine is a background process of ours. */
export async function processStack(
  context: RunContext,
  { values: settings }: ResolvedSettings,
  engine: ProcessEngine,
  { dryRun, anew }: DeployOptions,
): Promise<Deployment> {
  const { host } = context;
  if (settings.requireIsolated) throw notIsolated(engine);
  const folder = stackFolder(host, settings.name);
  const store = openStore(context);
  const reference = parseReference(settings.model);
  const [model, running, known] = await Promise.all([
    store.plan(reference),
    runningEngineProcess(host, folder),
    readEndpoint(folder),
  ]);
  const ours = known?.engine === engine.name;
  // Of another engine, or of one whose endpoint was lost.
  const containers = ours ? undefined : await containersInTheWay(context, settings.name);
  // Any will do where nothing is made with it.
  const apiKey = dryRun ? ((await readKey(folder)) ?? "none") : await ensureKey(folder);
  const ownPorts = [...portsOfProcess(running, portOf(known)), ...(containers?.ports ?? [])];
  const portWish: PortWish = {
    wanted: settings.port,
    previous: portOf(known) ?? ownPorts[0],
    own: ownPorts,
  };
  let port = await choosePort(portWish);

  const own = running === undefined ? 0 : ((await processMemory(running.pid)) ?? 0);
  const budget = await processBudget(own + (containers?.bytes ?? 0));
  const fitWith = (kept: number | undefined): StackFit =>
    stackFit({ settings, engine: engine.name, reference: model.reference, budget, kept });
  const sameModel = ours && known.reference === model.reference;
  let fit = fitWith(sameModel && !anew ? running?.foundContext : undefined);

  const configure = (stored: StoredModel): EmbeddedConfigInput => {
    const { window } = fit.of(stored);
    return {
      port,
      apiKey,
      modelPath: store.weightsPath(stored),
      servedName: stored.servedName,
      context: window.tokens,
      parallel: settings.parallel,
      maxOutputTokens: window.maxOutputTokens,
      gpu: gpuOf(settings.gpu, host.platform),
      stretch: settings.stretch,
      kvType: settings.kvType,
      ...(stored.facts.trainedContext === undefined
        ? {}
        : { trainedContext: stored.facts.trainedContext }),
    };
  };
  const config = model.stored === undefined ? undefined : configure(model.stored);
  const plan = planProcess(
    {
      name: settings.name,
      engine: engine.name,
      model: model.reference,
      hash: config && planHash(config),
      anew,
    },
    {
      modelStored: model.stored !== undefined,
      runningHash: running?.plan,
      endpointKnown: vouchesFor(known, engine.name, settings.ready),
      otherEngine: (known !== undefined && !ours) || (containers?.containers ?? 0) > 0,
    },
  );
  const starts = plan.steps.some(({ kind }) => kind === "process");
  // What is replaced in any case is no reason to keep to its context.
  if (starts) fit = fitWith(undefined);

  const foreseen = await foresee(store, { settings, reference, model, format: "gguf", fit });
  if (starts) {
    if (foreseen.fit?.misfit !== undefined) throw foreseen.fit.misfit;
    if (gpuOf(settings.gpu, host.platform) === "any") await requireGpuOfProcess(context);
  }

  let stored = model.stored;
  let endpoint = known;
  const fetched = (): StoredModel => {
    if (stored === undefined) throw new Error("the model is used before it was fetched");
    return stored;
  };

  return {
    plan,
    fit: foreseen.fit && fit.report(foreseen.fit),
    fitUnknown: foreseen.unknown,
    endpoint: async () => {
      if (endpoint === undefined) throw new Error("there is no endpoint before the gate");
      return endpoint;
    },
    execute: async (undo, begin) => {
      let process: ProcessIdentity | undefined = running;
      const start = async (): Promise<void> => {
        const wanted = configure(fetched());
        process = await startEngineProcess(host, folder, wanted, {
          plan: planHash(wanted),
          port: wanted.port,
          ...(settings.context === "auto" ? { foundContext: wanted.context } : {}),
        });
      };
      return executeSteps(
        context,
        plan.steps,
        {
          model: async () => {
            stored = await store.ensure(reference, fetchOptions(settings));
            const { misfit } = fit.of(stored);
            if (misfit !== undefined) throw misfit;
          },
          clear: async () => {
            await clearStack(context, settings.name);
          },
          process: async () => {
            undo.add("Start the engine", async () => {
              if (process !== undefined) await stopEngineProcess(host, process);
              await forgetRun(folder);
            });
            // An endpoint from before would make what is only begun look finished, to whoever finds it after a `kill -9`.
            await forgetRun(folder);
            await start();
          },
          gate: async () => {
            // It listens some time after it was started: that its port is taken shows only here.
            endpoint = await onFreePort(portWish, port, async (free) => {
              if (free !== port) {
                port = free;
                await start();
              }
              return climbGate(process);
            });
            await writeEndpoint(folder, endpoint);
          },
        },
        { begin },
      );
    },
  };

  function climbGate(process: ProcessIdentity | undefined): Promise<Endpoint> {
    if (process === undefined) throw new Error("the gate comes after the process");
    const wanted = configure(fetched());
    return climb(context, {
      settings,
      engine,
      input: {
        model: fetched(),
        servedName: wanted.servedName,
        context: wanted.context,
        parallel: settings.parallel,
        maxOutputTokens: wanted.maxOutputTokens ?? settings.maxOutputTokens,
        storeDir: store.root,
        extraArgs: settings.engineArgs,
      },
      reference: model.reference,
      port,
      apiKey,
      startKey: starts ? [wanted.gpu] : undefined,
      follow: (onLine, signal) => followFile({ ...context, signal }, folder.logFile, onLine),
      watch: (signal) => watchEngineProcess(host, folder, process, signal),
      tail: () => lastLines(folder.logFile, SEARCHED),
      warnings: fit.of(fetched()).window.warnings,
    });
  }
}

async function containersInTheWay(context: RunContext, name: string): Promise<HeldByContainers> {
  // Docker is loaded only where it may have something of this.
  const { heldByContainers } = await import("./held-memory.ts");
  return heldByContainers(context, name);
}

function notIsolated({ title }: ProcessEngine): StackError {
  return new StackError("NETWORK_LEAK", {
    what: `${title}: it is on no sealed network.`,
    why: "It is a process of yours, and may reach whatever you may.",
    next: "leave out --require-isolated, or choose an engine in a container: stack up llamacpp",
  });
}

/** The prebuilt binaries that are installed by default know the CPU, and Metal on a Mac. */
function gpuOf(policy: string, platform: NodeJS.Platform): "any" | "none" | "metal" {
  if (policy === "none") return "none";
  if (policy !== "auto") return "any";
  return platform === "darwin" ? "metal" : "none";
}
