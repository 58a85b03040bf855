import type { Runtime } from "../docker/runtime.ts";
import { StackError } from "../errors.ts";
import { LABEL } from "../plan/labels.ts";
import type { RunContext } from "./context.ts";
import { runningEngineProcess, stopEngineProcess, strayEngineProcesses } from "./engine-process.ts";
import { forgetRun, readEndpoint, stackFolder } from "./stack-folder.ts";

/** Names of what was removed: containers, networks, volumes, the embedded engine's process, an adoption. */
export type Cleared = readonly string[];

/**
 * Stops and removes all that belongs to a stack, whatever started it. Key, log and models stay.
 * Where no daemon answers there can be no container of ours that runs, so that is no error.
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
  const runtime = await reachableRuntime(context);
  if (runtime !== undefined)
    cleared.push(...(await clearContainers(runtime, name, context.signal)));
  const endpoint = await readEndpoint(folder);
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

/** Removes the containers of this stack, and then the volumes that they leave. Their names. */
export async function removeContainers(
  runtime: Runtime,
  name: string,
  signal: AbortSignal,
): Promise<readonly [containers: readonly string[], volumes: readonly string[]]> {
  const labels = { [LABEL.name]: name };
  const containers = await runtime.containers.list(labels, signal);
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
