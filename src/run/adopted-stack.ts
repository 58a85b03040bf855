import type { Endpoint } from "../endpoint.ts";
import type { AdoptedEngine, FoundModel } from "../engines/engine.ts";
import { StackError } from "../errors.ts";
import { adoptedBase, type AdoptedBase } from "../plan/adopted-base.ts";
import { adoptedEndpoint } from "../plan/adopted-endpoint.ts";
import { authoritiesFor, authoritiesOfClients } from "./authorities.ts";
import { chooseModel } from "../plan/choose-model.ts";
import { planHash } from "../plan/hash.ts";
import { instancesOf, planAdopted, serving } from "../plan/plan-adopted.ts";
import type { ResolvedSettings, Settings } from "../plan/settings.ts";
import { shellQuote } from "../plan/shell-quote.ts";
import { clearStack } from "./clear-stack.ts";
import { type Climbed, climbAdopted } from "./climb-adopted.ts";
import type { RunContext } from "../run-context.ts";
import { type DeployOptions, type Deployment, executeSteps } from "./deployment.ts";
import { ensureLoaded } from "./ensure-loaded.ts";
import { findServer } from "./find-server.ts";
import { NO_KEY, readKeyFile } from "./key-file.ts";
import { clearOwnContainers, clearOwnProcess, ownParts } from "./own-parts.ts";
import {
  forgetRun,
  readAdoption,
  readEndpoint,
  type StackFolder,
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
  const [models, known, adoption] = await Promise.all([
    look(),
    readEndpoint(folder),
    readAdoption(folder),
  ]);
  const own = await ownParts(context, folder, { endpoint: known, adoption });
  if (own.running && isItself(base, known)) throw itself(engine, base, folder);

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
      foreign: own.running || (known !== undefined && known.adopted !== true),
    },
  );

  let endpoint = known;
  let id = served?.id ?? model;
  let climbed: Climbed | undefined;
  /** What was there before is there no more, and what takes its place has not answered yet. */
  let gone = false;
  return {
    plan,
    endpoint: async () => {
      if (endpoint === undefined) throw new Error("there is no endpoint before the gate");
      return endpoint;
    },
    execute: (undo, begin) => {
      const replaces = plan.steps.at(-1)?.kind === "clear";

      /**
       * The new endpoint takes the place of the old one before that one's engine is stopped: whoever is killed in between leaves
       * a stack that answers. Until the adoption is written, the next `up` looks for what is left of the old one.
       */
      const adopt = async ({ now, found }: Climbed): Promise<void> => {
        undo.add("Adopt the server", async () => {
          if (gone) return forgetRun(folder);
          // What was there before is as good as it was.
          await writeEndpoint(folder, known);
          await writeAdoption(folder, known?.adopted === true ? adoption : undefined);
        });
        await begin();
        endpoint = adoptedEndpoint({
          name: settings.name,
          engine,
          base,
          apiKey,
          hasKey: apiKey !== NO_KEY,
          model: id,
          found,
          wanted,
          maxOutputTokens: settings.maxOutputTokens,
          authorities:
            settings.ca === undefined || secureContext === undefined
              ? undefined
              : await authoritiesOfClients(context, folder, settings.ca),
        });
        if (replaces) await writeAdoption(folder, undefined);
        await writeEndpoint(folder, endpoint);
        if (replaces) {
          const containers = await clearOwnContainers(context, folder, own);
          // Nothing else is there any more, and this has answered.
          undo.commit();
          await clearOwnProcess(context, folder);
          if (containers === "left") return;
        }
        const came = loaded?.context ?? (loaded?.id === id ? now?.context : undefined);
        await writeAdoption(folder, {
          plan: hashOf(id, now),
          adoptedAt: new Date(host.clock.now()).toISOString(),
          ...(loaded === undefined
            ? {}
            : { loaded: { ...loaded, ...(came === undefined ? {} : { context: came }) } }),
        });
      };

      return executeSteps(
        context,
        plan.steps,
        {
          clear: async () => {
            if (climbed !== undefined) return adopt(climbed);
            await clearStack(context, settings.name);
            gone = true;
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
            const server = { settings, engine, base, apiKey, secureContext };
            const lists = models !== undefined;
            climbed = await climbAdopted(context, { ...server, id, wanted, look, lists });
            const { now } = climbed;
            if (now?.state === "loaded" && now.context === undefined && loaded?.id !== id) {
              const message = `${engine.title} does not say with how much context ${id} is loaded, and it is left as it is.`;
              context.emit({ type: "warning", message, next: "stack restart" });
            }
            if (!replaces) await adopt(climbed);
          },
        },
        // Asking changes nothing yet.
        { begin: plan.steps[0]?.kind === "gate" ? async () => {} : begin },
      );
    },
  };
}

/** Whether this is the server of the stack that it would take the place of. */
function isItself({ apiBase, local }: AdoptedBase, known: Endpoint | undefined): boolean {
  if (known === undefined || known.adopted === true || !local) return false;
  return new URL(apiBase).port === new URL(known.apiBase).port;
}

function itself(
  { name }: AdoptedEngine,
  { apiBase }: AdoptedBase,
  folder: StackFolder,
): StackError {
  return new StackError("CONFLICT", {
    what: `${apiBase} is the server of this stack itself.`,
    why: "What is adopted takes the place of what the stack runs, which would be stopped.",
    next: `stack up ${name} --name adopted --url ${apiBase} --key-file ${shellQuote(folder.keyFile)}`,
  });
}

function whereIs(context: RunContext, settings: Settings, engine: AdoptedEngine): AdoptedBase {
  const text = settings.url ?? engine.home(context.host.env);
  if (text !== undefined) return adoptedBase(text);
  throw new StackError("USAGE", {
    what: `\`stack up ${engine.name}\` needs the address of the server.`,
    next: `stack up ${engine.name} --url http://host:port/v1`,
  });
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
