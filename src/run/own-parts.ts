import type { ContainerFacts, Runtime } from "../docker/runtime.ts";
import type { Endpoint } from "../endpoint.ts";
import { findEngine } from "../engines/index.ts";
import { LABEL } from "../plan/labels.ts";
import type { RunContext } from "../run-context.ts";
import { runningEngineProcess, stopEngineProcesses } from "./engine-process.ts";
import { readKept } from "./kept-settings.ts";
import { type Adoption, forgetProcess, type StackFolder } from "./stack-folder.ts";

/** What of ours a server that is adopted takes the place of. */
export interface OwnParts {
  /** Something runs. */
  readonly running: boolean;
  /** The daemon that has containers or networks of it. */
  readonly runtime: Runtime | undefined;
}

/** What a stack's folder tells of it. */
interface Known {
  readonly endpoint: Endpoint | undefined;
  readonly adoption: Adoption | undefined;
}

/**
 * What runs under the stack's name. A daemon is asked only where something here tells of containers; one that can't be asked
 * then is an error, as it is for who stops the stack.
 */
export async function ownParts(
  context: RunContext,
  folder: StackFolder,
  known: Known,
): Promise<OwnParts> {
  const process = await runningEngineProcess(context.host, folder);
  const runtime = (await tellsOfContainers(folder, known))
    ? await holderOf(context, folder.name)
    : undefined;
  return { running: process !== undefined || runtime !== undefined, runtime };
}

/** The endpoint does; where it is lost or damaged, what was last asked for does. */
async function tellsOfContainers(
  folder: StackFolder,
  { endpoint, adoption }: Known,
): Promise<boolean> {
  // One that was killed while it took the place of another has an endpoint, and not yet the rest.
  if (endpoint?.adopted === true) return adoption === undefined;
  const { engine = "", adopted = false } = endpoint ?? (await readKept(folder)) ?? {};
  if (adopted) return false;
  return findEngine(engine)?.kind === "container";
}

async function holderOf(context: RunContext, name: string): Promise<Runtime | undefined> {
  // Docker is loaded only where it may have something of this.
  const { askDockerOf } = await import("./ask-docker.ts");
  return askDockerOf(context, name, undefined, async (runtime, signal) => {
    const labels = { [LABEL.name]: name };
    const [containers, networks] = await Promise.all([
      runtime.containers.list(labels, signal),
      runtime.networks.list(labels, signal),
    ]);
    return containers.length + networks.length > 0 ? runtime : undefined;
  });
}

/** Milliseconds for the removal: as for the start of containers, which takes longer. */
const REMOVAL_MS = 60_000;

/** Milliseconds for the look at what a removal that failed has left. */
const LOOK_MS = 5000;

/**
 * Stops and removes what runs in containers, also when Ctrl-C comes by then: half of a stack is of no use, and broken off, a
 * daemon removes what it was told to all the same. `left`: not all of it could be removed, which is worth a warning. That
 * none of it could, so that it runs as before, is the daemon's error.
 */
export async function clearOwnContainers(
  { signal, emit }: RunContext,
  { name }: StackFolder,
  { runtime }: OwnParts,
): Promise<"cleared" | "left"> {
  if (runtime === undefined) return "cleared";
  const { clearContainers } = await import("./clear-stack.ts");
  const before = await runtime.containers.list({ [LABEL.name]: name }, signal);
  try {
    await clearContainers(runtime, name, AbortSignal.timeout(REMOVAL_MS));
    return "cleared";
  } catch (error) {
    if (await stillThere(runtime, name, before)) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    const message = `Something is left of what ran before, and the next \`up\` removes it: ${reason}`;
    emit({ type: "warning", message, next: "stack up" });
    return "left";
  }
}

/** Whether each of these containers is as it was. Where that can't be asked, one may be gone. */
async function stillThere(
  runtime: Runtime,
  name: string,
  before: readonly ContainerFacts[],
): Promise<boolean> {
  try {
    const now = await runtime.containers.list({ [LABEL.name]: name }, AbortSignal.timeout(LOOK_MS));
    const isThere = ({ id, state }: ContainerFacts): boolean =>
      now.some((each) => each.id === id && each.state === state);
    return before.length > 0 && before.every(isThere);
  } catch {
    return false;
  }
}

/** Stops the engine that is a process of ours, and leaves endpoint and adoption as they are: these are the new ones already. */
export async function clearOwnProcess({ host }: RunContext, folder: StackFolder): Promise<void> {
  await stopEngineProcesses(host, folder);
  await forgetProcess(folder);
}
