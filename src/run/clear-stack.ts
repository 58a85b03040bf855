import type { ContainerFacts, Runtime } from "../docker/runtime.ts";
import { StackError } from "../errors.ts";
import { LABEL } from "../plan/labels.ts";
import type { RunContext } from "../run-context.ts";
import { askDocker, offerForget } from "./ask-docker.ts";
import { allOrThrow } from "./container-start.ts";
import { stopEngineProcesses } from "./engine-process.ts";
import { forgetRun, readEndpoint, stackFolder } from "./stack-folder.ts";

/** Names of what was removed: containers, networks, volumes, the embedded engine's process, an adoption. */
export type Cleared = readonly string[];

/** What is forgotten of a stack whose daemon can't be asked. */
export const FORGOTTEN = "what is known here of its containers";

/**
 * Stops and removes all that belongs to a stack, whatever started it. Key, log, settings and models stay.
 * Whatever is wrong with Docker, a stack that has no containers is forgotten. One that has goes on where its daemon can't be
 * asked: that is an error, and nothing is stopped or forgotten. With `forget` it is forgotten all the same.
 */
export async function clearStack(
  context: RunContext,
  name: string,
  { forget = false }: { readonly forget?: boolean } = {},
): Promise<Cleared> {
  const folder = stackFolder(context.host, name);
  const cleared = [...(await clearOrForget(context, name, forget))];
  const stopped = await stopEngineProcesses(context.host, folder);
  cleared.push(...stopped.map(({ pid }) => `process ${pid}`));
  const endpoint = await readEndpoint(folder);
  if (endpoint?.adopted === true) cleared.push(`the adoption of ${endpoint.apiBase}`);
  await forgetRun(folder);
  return cleared;
}

/** That a daemon can't be asked is one thing, that it fails to remove what it has another: then nothing is forgotten. */
async function clearOrForget(context: RunContext, name: string, forget: boolean): Promise<Cleared> {
  const { signal, emit } = context;
  try {
    const answers = await askDocker(context, [name], false, async ({ containers }, until) => {
      await containers.list({ [LABEL.name]: name }, until);
      return true;
    });
    if (!answers) return [];
  } catch (error) {
    if (!(error instanceof StackError) || signal.aborted) throw error;
    if (!forget) throw offerForget(error, name);
    const message = `Docker could not be asked for containers: those of ${name} that live on go on, and are seen again when it can be. ${error.what}`;
    emit({ type: "warning", message });
    return [FORGOTTEN];
  }
  const holder = await askDocker(context, [name], undefined, async (runtime, until) =>
    (await hasPartsOf(runtime, name, until)) ? runtime : undefined,
  );
  return holder === undefined ? [] : clearContainers(holder, name, signal);
}

async function hasPartsOf(runtime: Runtime, name: string, signal: AbortSignal): Promise<boolean> {
  const labels = { [LABEL.name]: name };
  const found = await Promise.all([
    containersOf(runtime, name, signal),
    runtime.networks.list(labels, signal),
    runtime.volumes.list(labels, signal),
  ]);
  return found.some((each) => each.length > 0);
}

/** Removes the containers, networks and volumes that carry this stack's name. */
export async function clearContainers(
  runtime: Runtime,
  name: string,
  signal: AbortSignal,
): Promise<Cleared> {
  const [containers, volumes] = await removeContainers(runtime, name, signal);
  const networks = await runtime.networks.list({ [LABEL.name]: name }, signal);
  await Promise.all(networks.map((each) => runtime.networks.remove(each.id, signal)));
  return [
    ...containers.map((each) => `container ${each}`),
    ...networks.map((each) => `network ${each.name}`),
    ...volumes.map((each) => `volume ${each}`),
  ];
}

/** Removes the containers of this stack, and then the volumes that they leave. Their names. */
export async function removeContainers(
  runtime: Runtime,
  name: string,
  signal: AbortSignal,
): Promise<readonly [containers: readonly string[], volumes: readonly string[]]> {
  const containers = await containersOf(runtime, name, signal);
  // By force: an engine holds no state of its own, its models are mounted read-only.
  await allOrThrow(containers.map((each) => runtime.containers.remove(each.id, signal)));
  const volumes = await runtime.volumes.list({ [LABEL.name]: name }, signal);
  await Promise.all(volumes.map((each) => runtime.volumes.remove(each, signal)));
  return [containers.map((each) => each.name), volumes];
}

/**
 * A look at the GPU that a killed command left is among them, also one that still runs: whoever has the stack's lock knows that
 * nobody waits for it.
 */
async function containersOf(
  runtime: Runtime,
  name: string,
  signal: AbortSignal,
): Promise<readonly ContainerFacts[]> {
  const found = await Promise.all(
    [{ [LABEL.name]: name }, { [LABEL.preflight]: name }].map(async (labels) =>
      runtime.containers.list(labels, signal),
    ),
  );
  return found.flat();
}
