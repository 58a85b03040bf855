import type { AdoptedEngine, FoundModel } from "../engines/engine.ts";
import { containerEngines } from "../engines/index.ts";
import { StackError } from "../errors.ts";
import { findings } from "../gate/findings.ts";
import { ladder } from "../gate/ladder.ts";
import { runGate } from "../gate/run-gate.ts";
import { adoptedBase, type AdoptedBase } from "../plan/adopted-base.ts";
import { adoptedEndpoint } from "../plan/adopted-endpoint.ts";
import { authoritiesFor, authoritiesOfClients } from "./authorities.ts";
import { chooseModel } from "../plan/choose-model.ts";
import { planHash } from "../plan/hash.ts";
import { belowFloor, vulnerableWarning } from "../plan/security-floor.ts";
import { instancesOf, planAdopted, serving } from "../plan/plan-adopted.ts";
import type { ResolvedSettings, Settings } from "../plan/settings.ts";
import { clearStack } from "./clear-stack.ts";
import type { RunContext } from "../run-context.ts";
import { type DeployOptions, type Deployment, executeSteps } from "./deployment.ts";
import { runningEngineProcess } from "./engine-process.ts";
import { ensureLoaded } from "./ensure-loaded.ts";
import { findServer } from "./find-server.ts";
import { narrated } from "./narrate.ts";
import { NO_KEY, readKeyFile } from "./key-file.ts";
import {
  forgetRun,
  readAdoption,
  readEndpoint,
  stackFolder,
  writeAdoption,
  writeEndpoint,
} from "./stack-folder.ts";

/** Tokens that are wanted where the settings leave it open: what ml-intern needs (docs/agents/ml-intern.md). */
const WANTED = 32_768;

/** A stack whose server is there already: it is found, asked and described, and a model is loaded where its API can do that. */
export async function adoptedStack(
  context: RunContext,
  { values: settings, origins }: ResolvedSettings,
  engine: AdoptedEngine,
  { anew }: DeployOptions,
): Promise<Deployment> {
  const { host } = context;
  const base = whereIs(context, settings, engine);
  checkPromises(settings, base);
  const folder = stackFolder(host, settings.name);
  const apiKey = await readKeyFile(context, settings.keyFile);
  const secureContext = await authoritiesFor(context, base.apiBase, settings.ca);
  const look = (): Promise<readonly FoundModel[] | undefined> =>
    findServer(engine, base, { apiKey, secureContext, signal: context.signal });
  const [models, known, adoption, process] = await Promise.all([
    look(),
    readEndpoint(folder),
    readAdoption(folder),
    runningEngineProcess(host, folder),
  ]);

  const named = origins.model.kind === "default" ? undefined : settings.model;
  const model = chooseModel(engine, models, named);
  const instances = instancesOf(models ?? [], model);
  const maximum = instances.find(({ id }) => id === model)?.maximum ?? Infinity;
  const asked = typeof settings.context === "number" ? settings.context : WANTED;
  const wanted = Math.min(asked, maximum);
  // Without states it is a version, or a server, whose models can't be told apart from what is loaded.
  const loading = instances.some(({ state }) => state !== undefined) ? engine.loading : undefined;
  let loaded = adoption?.loaded?.apiBase === base.apiBase ? adoption.loaded : undefined;
  const earlier = loaded && { context: undefined, ...loaded };
  const serves = (found: readonly FoundModel[]): FoundModel | undefined =>
    loading === undefined
      ? found.find(({ id }) => id === model)
      : serving(found, { context: wanted, earlier, anew });
  const served = serves(instances);
  const hashOf = (id: string, found: FoundModel | undefined): string =>
    planHash({
      engine: engine.name,
      apiBase: base.apiBase,
      model: id,
      context: found?.context,
      wanted,
      ready: settings.ready,
      maxOutputTokens: settings.maxOutputTokens,
      ca: settings.ca,
    });
  const plan = planAdopted(
    {
      name: settings.name,
      engine: engine.name,
      title: engine.title,
      model,
      context: loading === undefined ? undefined : wanted,
      hash: hashOf(served?.id ?? model, served),
      anew,
    },
    {
      instances,
      earlier,
      hash: known?.adopted === true && known.apiKey === apiKey ? adoption?.plan : undefined,
      foreign: process !== undefined || (known !== undefined && known.adopted !== true),
    },
  );

  let endpoint = known;
  let id = served?.id ?? model;
  return {
    plan,
    endpoint: async () => {
      if (endpoint === undefined) throw new Error("there is no endpoint before the gate");
      return endpoint;
    },
    execute: (undo) =>
      executeSteps(context, plan.steps, {
        clear: async () => {
          await clearStack(context, settings.name);
        },
        load: async (step) => {
          if (loading === undefined) throw new Error("this server loads its models by itself");
          const options = { apiKey, secureContext };
          const target = { engine, loading, base, options, timeoutMs: settings.timeout * 1000 };
          const again = async (): Promise<readonly FoundModel[]> =>
            instancesOf((await look()) ?? [], model);
          const instance = await ensureLoaded(context, target, step, undo, again, serves);
          id = instance.id;
          if (instance.ours) loaded = { apiBase: base.apiBase, id, asked: wanted };
        },
        gate: async () => {
          undo.add("Adopt the server", async () => {
            if (known?.adopted !== true || adoption === undefined) return forgetRun(folder);
            // What was adopted before is as good as it was.
            await writeEndpoint(folder, known);
            await writeAdoption(folder, adoption);
          });
          const probes = engine.probes({ model: id, lists: models !== undefined });
          const key = [base.apiBase, id, wanted, settings.ready].join(" ");
          const question = { model: id, window: wanted };
          const facts = await narrated(context, { key, follow: async () => {} }, (doing) =>
            runGate(context, ladder(probes, settings.ready, question), {
              ...base,
              apiKey,
              secureContext,
              doing,
              timeoutMs: settings.timeout * 1000,
              watch: untilAborted,
              tail: async () => [],
              next: engine.log ?? `the log of the server at ${base.apiBase}`,
            }),
          );
          const now = (await look())?.find((each) => each.id === id);
          if (loaded?.id !== id) loaded = undefined;
          if (now?.state === "loaded" && now.context === undefined && loaded === undefined) {
            const message = `${engine.title} does not say with how much context ${id} is loaded, and it is left as it is.`;
            context.emit({ type: "warning", message, next: "stack restart" });
          }
          const found = findings(
            { ...(now?.context === undefined ? {} : { contextLength: now.context }), ...facts },
            {
              ready: settings.ready,
              window: wanted,
              parallel: undefined,
              truncates: engine.truncates,
            },
          );
          const { name, maxOutputTokens } = settings;
          const { software = engine.name, engineVersion } = found.measured;
          const hasKey = apiKey !== NO_KEY;
          endpoint = adoptedEndpoint({
            name,
            engine,
            base,
            apiKey,
            hasKey,
            model: id,
            found: {
              ...found,
              warnings: [...floorWarnings(software, engineVersion), ...found.warnings],
            },
            wanted,
            maxOutputTokens,
            authorities:
              settings.ca === undefined || secureContext === undefined
                ? undefined
                : await authoritiesOfClients(context, folder, settings.ca),
          });
          await writeEndpoint(folder, endpoint);
          const adoptedAt = new Date(host.clock.now()).toISOString();
          const came = loaded?.context ?? now?.context;
          await writeAdoption(folder, {
            plan: hashOf(id, now),
            adoptedAt,
            ...(loaded === undefined
              ? {}
              : { loaded: { ...loaded, ...(came === undefined ? {} : { context: came }) } }),
          });
        },
      }),
  };
}

function whereIs(context: RunContext, settings: Settings, engine: AdoptedEngine): AdoptedBase {
  const text = settings.url ?? engine.home(context.host.env);
  if (text !== undefined) return adoptedBase(text);
  throw new StackError("USAGE", {
    what: `\`stack up ${engine.name}\` needs the address of the server.`,
    next: `stack up ${engine.name} --url http://host:port/v1`,
  });
}

/** A server of somebody else is not ours to refuse: its owner may have reasons, and it runs already. */
function floorWarnings(software: string, version: string | undefined): readonly string[] {
  const engine = containerEngines().find(({ name }) => name === software);
  const below = engine && belowFloor(engine.securityFloor, version);
  return below === undefined ? [] : [vulnerableWarning(engine?.title ?? software, below)];
}

/** Promises of the settings that a server of somebody else can't keep. */
function checkPromises(
  { offline, requireIsolated }: Settings,
  { local, apiBase }: AdoptedBase,
): void {
  if (requireIsolated) {
    throw new StackError("NETWORK_LEAK", {
      what: "An adopted server is on no sealed network.",
      why: "It was started by somebody else, and may reach whatever it likes.",
      next: "leave out --require-isolated, or choose an engine in a container",
    });
  }
  if (offline && !local) {
    throw new StackError("NETWORK_LEAK", {
      what: `${apiBase} is on another machine, and --offline allows no network.`,
      next: "leave out --offline, or choose an engine on this machine",
    });
  }
}

/** Nobody tells us when a server that is not ours ends: the next question fails. */
function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
