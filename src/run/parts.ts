import type { ContainerFacts, NetworkFacts } from "../docker/runtime.ts";
import { StackError } from "../errors.ts";
import { LABEL } from "../plan/labels.ts";
import { askDocker } from "./ask-docker.ts";
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
  /** What serves its model. */
  readonly runsIn: "containers" | "process" | "adopted";
  /** False where it runs in containers and the daemon could not be asked for them. */
  readonly seen: boolean;
  /** Of a server that is not ours: since when it is known here, and what it says now. */
  readonly adopted: { readonly since: string | undefined; readonly says: ModelAnswer } | undefined;
}

/** `unknown`: it runs in containers, and the daemon could not be asked. */
export type StackState = "running" | "degraded" | "stopped" | "unknown";

type Found = readonly [readonly ContainerFacts[], readonly NetworkFacts[]];

export interface FoundStacks {
  readonly stacks: readonly StackParts[];
  readonly networks: readonly NetworkFacts[];
  /** Why the daemon could not be asked, where that leaves one of them unseen. */
  readonly unanswered: StackError | undefined;
}

/** Every stack that runs or has an endpoint; `only` limits the look. That the daemon can't be asked is for the caller to tell. */
export async function findStacks(context: RunContext, only?: string): Promise<FoundStacks> {
  await recoverAll(context);
  const label = { [LABEL.name]: only ?? "" };
  const folders = only === undefined ? await stackNames(context.host) : [only];
  let unanswered: StackError | undefined;
  const [containers, networks] = await askDocker<Found>(
    context,
    folders,
    [[], []],
    (runtime, signal) =>
      Promise.all([runtime.containers.list(label, signal), runtime.networks.list(label, signal)]),
  ).catch((error: unknown): Found => {
    if (!(error instanceof StackError) || context.signal.aborted) throw error;
    unanswered = error;
    return [[], []];
  });
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
      const runsIn = adopted === undefined ? await whereItRuns(endpoint, process, own) : "adopted";
      const seen = runsIn !== "containers" || unanswered === undefined;
      return { name, endpoint, process, containers: own, adopted, runsIn, seen };
    }),
  );
  const stacks = all.filter(
    ({ endpoint, process, containers }) =>
      endpoint !== undefined || process !== undefined || containers.length > 0,
  );
  return { stacks, networks, unanswered };
}

/** A stack that could not be seen is shown all the same, with a word why. */
export function warnUnanswered(context: RunContext, { unanswered }: FoundStacks): void {
  if (unanswered === undefined) return;
  const { message, next } = unanswered;
  context.emit({ type: "warning", message, ...(next === undefined ? {} : { next }) });
}

/** By what is there; where nothing is, by its engine. */
async function whereItRuns(
  endpoint: Endpoint | undefined,
  process: StackParts["process"],
  containers: StackParts["containers"],
): Promise<"containers" | "process"> {
  if (containers.length > 0) return "containers";
  if (process !== undefined || endpoint === undefined) return "process";
  const { findEngine } = await import("../engines/index.ts");
  return findEngine(endpoint.engine)?.kind === "container" ? "containers" : "process";
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
  if (!parts.seen) return "unknown";
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
