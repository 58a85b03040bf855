import type { ContainerFacts, NetworkFacts } from "../docker/runtime.ts";
import { LABEL } from "../plan/labels.ts";
import { askDocker } from "./clear-stack.ts";
import type { RunContext } from "../run-context.ts";
import { recoverAll } from "./recover.ts";
import { runningEngineProcess } from "./engine-process.ts";
import { askForModel, type ModelAnswer } from "./list-models.ts";
import { readAdoption, readEndpoint, stackFolder, stackNames } from "./stack-folder.ts";
import type { Endpoint } from "../endpoint.ts";

/** What is there of one stack, from the daemon's labels, the process table and the state folder. */
export interface StackParts {
  readonly name: string;
  readonly endpoint: Endpoint | undefined;
  readonly process: { readonly pid: number; readonly startedAt: string } | undefined;
  readonly containers: readonly ContainerFacts[];
  /** Of a server that is not ours: since when it is known here, and what it says now. */
  readonly adopted: { readonly since: string | undefined; readonly says: ModelAnswer } | undefined;
}

export type StackState = "running" | "degraded" | "stopped";

type Found = readonly [readonly ContainerFacts[], readonly NetworkFacts[]];

/** Every stack that runs or has an endpoint; `names` limits the look. */
export async function findStacks(
  context: RunContext,
  only?: string,
): Promise<{ readonly stacks: readonly StackParts[]; readonly networks: readonly NetworkFacts[] }> {
  await recoverAll(context);
  const label = { [LABEL.name]: only ?? "" };
  const folders = only === undefined ? await stackNames(context.host) : [only];
  const endpoints = await Promise.all(
    folders.map(async (name) => readEndpoint(stackFolder(context.host, name))),
  );
  const [containers, networks] = await askDocker<Found>(
    context,
    endpoints,
    [[], []],
    async (runtime) =>
      Promise.all([
        runtime.containers.list(label, context.signal),
        runtime.networks.list(label, context.signal),
      ]),
  );
  const names = new Set([...folders, ...containers.map((each) => each.labels[LABEL.name] ?? "")]);
  const all = await Promise.all(
    [...names].sort().map(async (name): Promise<StackParts> => {
      const folder = stackFolder(context.host, name);
      const [endpoint, process, adoption] = await Promise.all([
        readEndpoint(folder),
        runningEngineProcess(context.host, folder),
        readAdoption(folder),
      ]);
      const own = containers.filter((each) => each.labels[LABEL.name] === name);
      const adopted =
        endpoint?.adopted === true
          ? { since: adoption?.adoptedAt, says: await askForModel(context, endpoint) }
          : undefined;
      return { name, endpoint, process, containers: own, adopted };
    }),
  );
  const stacks = all.filter(
    ({ endpoint, process, containers }) =>
      endpoint !== undefined || process !== undefined || containers.length > 0,
  );
  return { stacks, networks };
}

const ADOPTED_STATES: Readonly<Record<ModelAnswer, StackState>> = {
  listed: "running",
  unlisted: "degraded",
  refused: "degraded",
  silent: "stopped",
};

export function stateOf(parts: StackParts): StackState {
  if (parts.adopted !== undefined) return ADOPTED_STATES[parts.adopted.says];
  if (parts.process !== undefined) return "running";
  const running = parts.containers.filter((each) => each.state === "running").length;
  if (running === 0) return "stopped";
  return running === parts.containers.length && running > 1 ? "running" : "degraded";
}

/** ISO time since when the engine runs, or an adopted one is known here; undefined when it does not. */
export function runningSince(parts: StackParts): string | undefined {
  if (parts.adopted?.says === "listed") return parts.adopted.since;
  if (parts.process !== undefined) return parts.process.startedAt;
  const engine = parts.containers.find((each) => each.labels[LABEL.role] === "engine");
  return engine?.state === "running" ? engine.startedAt : undefined;
}

/** Its engine: from the endpoint, else from the labels. */
export function engineOf(parts: StackParts): string {
  const labelled = parts.containers
    .map((each) => each.labels[LABEL.engine])
    .find((each) => each !== undefined);
  return labelled ?? parts.endpoint?.engine ?? "embedded";
}
