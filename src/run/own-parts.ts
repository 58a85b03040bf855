import type { Runtime } from "../docker/runtime.ts";
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

/** Stops and removes them, and leaves endpoint and adoption as they are: these are the new ones already. */
export async function clearOwnParts(
  context: RunContext,
  folder: StackFolder,
  { runtime }: OwnParts,
): Promise<void> {
  const { host, signal } = context;
  if (runtime !== undefined) {
    const { clearContainers } = await import("./clear-stack.ts");
    await clearContainers(runtime, folder.name, signal);
  }
  await stopEngineProcesses(host, folder);
  await forgetProcess(folder);
}
