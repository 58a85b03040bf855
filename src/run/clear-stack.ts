import type { Runtime } from "../docker/runtime.ts";
import type { Endpoint } from "../endpoint.ts";
import { StackError } from "../errors.ts";
import { LABEL } from "../plan/labels.ts";
import type { RunContext } from "../run-context.ts";
import { runningEngineProcess, stopEngineProcess, strayEngineProcesses } from "./engine-process.ts";
import { forgetRun, readEndpoint, stackFolder } from "./stack-folder.ts";

/** Names of what was removed: containers, networks, volumes, the embedded engine's process, an adoption. */
export type Cleared = readonly string[];

/**
 * Stops and removes all that belongs to a stack, whatever started it. Key, log and models stay.
 * Where no daemon answers there can be no container of ours that runs, so that is no error; and whatever is wrong with
 * Docker, a stack that has no containers is forgotten.
 */
export async function clearStack(context: RunContext, name: string): Promise<Cleared> {
  const folder = stackFolder(context.host, name);
  const cleared: string[] = [];
  const known = await runningEngineProcess(context.host, folder);
  const strays = await strayEngineProcesses(context.host, folder);
  const processes = new Map(
    [...strays, ...(known === undefined ? [] : [known])].map((each) => [each.pid, each]),
  );
  for (const each of processes.values()) {
    await stopEngineProcess(context.host, each);
    cleared.push(`process ${each.pid}`);
  }
  const endpoint = await readEndpoint(folder);
  cleared.push(
    ...(await askDocker(context, [endpoint], [], async (runtime) =>
      clearContainers(runtime, name, context.signal),
    )),
  );
  if (endpoint?.adopted === true) cleared.push(`the adoption of ${endpoint.apiBase}`);
  await forgetRun(folder);
  return cleared;
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

/**
 * Removes the containers of this stack, and then the volumes that they leave. Their names. A look at the GPU that a killed
 * command left is among them, also one that still runs: whoever has the stack's lock knows that nobody waits for it.
 */
export async function removeContainers(
  runtime: Runtime,
  name: string,
  signal: AbortSignal,
): Promise<readonly [containers: readonly string[], volumes: readonly string[]]> {
  const labels = { [LABEL.name]: name };
  const found = await Promise.all(
    [labels, { [LABEL.preflight]: name }].map(async (each) =>
      runtime.containers.list(each, signal),
    ),
  );
  const containers = found.flat();
  // By force: an engine holds no state of its own, its models are mounted read-only.
  await Promise.all(containers.map((each) => runtime.containers.remove(each.id, signal)));
  const volumes = await runtime.volumes.list(labels, signal);
  await Promise.all(volumes.map((each) => runtime.volumes.remove(each, signal)));
  return [containers.map((each) => each.name), volumes];
}

/** The daemon, or undefined where none answers. */
export async function reachableRuntime(context: RunContext): Promise<Runtime | undefined> {
  const { connect } = await import("../docker/connect.ts");
  try {
    return await connect(context.host, { signal: context.signal });
  } catch (error) {
    if (error instanceof StackError && error.code === "DOCKER_UNREACHABLE") return undefined;
    throw error;
  }
}

/**
 * What the daemon says of these stacks, or `otherwise` where none answers. A Docker that cannot be asked is an error where one
 * of them was made of containers, and only worth a warning to stacks that were not.
 */
export async function askDocker<T>(
  context: RunContext,
  stacks: readonly (Endpoint | undefined)[],
  otherwise: T,
  question: (runtime: Runtime) => Promise<T>,
): Promise<T> {
  try {
    const runtime = await reachableRuntime(context);
    return runtime === undefined ? otherwise : await question(runtime);
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(error instanceof StackError) || (await hasContainers(stacks))) throw error;
    const { what, next } = error;
    const message = `Docker could not be asked whether it has anything of this: ${what}`;
    context.emit({ type: "warning", message, ...(next === undefined ? {} : { next }) });
    return otherwise;
  }
}

async function hasContainers(stacks: readonly (Endpoint | undefined)[]): Promise<boolean> {
  const { findEngine } = await import("../engines/index.ts");
  return stacks.some(
    (each) =>
      each !== undefined && each.adopted !== true && findEngine(each.engine)?.kind === "container",
  );
}
