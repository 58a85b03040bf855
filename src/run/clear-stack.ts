import type { Runtime } from "../docker/runtime.ts";
import { StackError } from "../errors.ts";
import { LABEL } from "../plan/labels.ts";
import type { RunContext } from "../run-context.ts";
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
    const answers = await askDocker(context, [name], false, async ({ containers }) => {
      await containers.list({ [LABEL.name]: name }, signal);
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
  return askDocker(context, [name], [], (runtime) => clearContainers(runtime, name, signal));
}

/** `askDocker` of a stack that something else is to take the place of: its error names the way out. */
export async function askDockerOf<T>(
  context: RunContext,
  name: string,
  otherwise: T,
  question: (runtime: Runtime) => Promise<T>,
): Promise<T> {
  try {
    return await askDocker(context, [name], otherwise, question);
  } catch (error) {
    if (!(error instanceof StackError) || context.signal.aborted) throw error;
    throw offerForget(error, name);
  }
}

/** The error of a daemon that can't be asked, for who wants a stack gone: a daemon may be gone for good. */
export function offerForget(error: StackError, name: string): StackError {
  const { code, what, why, next, detail } = error;
  const way = `stack down${name === "default" ? "" : ` --name ${name}`} --forget`;
  const gone =
    "Where its daemon is gone for good it can be forgotten here, and another `--name` is free at any time.";
  return new StackError(code, {
    what,
    why: why === undefined ? gone : `${why} ${gone}`,
    next: next === undefined ? way : `${next}\n${way}`,
    detail,
    cause: error,
  });
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
 * What the daemon says of the stacks of these names, or `otherwise` where it can't be asked and none of them is known to run in
 * containers: that is worth a warning, and not even that where no daemon answers. Of one that does it is an error.
 */
export async function askDocker<T>(
  context: RunContext,
  names: readonly string[],
  otherwise: T,
  question: (runtime: Runtime) => Promise<T>,
): Promise<T> {
  const { connect } = await import("../docker/connect.ts");
  try {
    return await question(await connect(context.host, { signal: context.signal }));
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(error instanceof StackError)) throw error;
    const inContainers = await namesInContainers(context, names);
    if (inContainers.length > 0) throw notAsked(error, inContainers);
    if (error.code !== "DOCKER_UNREACHABLE") {
      const { what, next } = error;
      const message = `Docker could not be asked whether it has anything of this: ${what}`;
      context.emit({ type: "warning", message, ...(next === undefined ? {} : { next }) });
    }
    return otherwise;
  }
}

/** Which of these run in containers by what is known here: their endpoint, or what was last asked for. */
async function namesInContainers(
  { host }: RunContext,
  names: readonly string[],
): Promise<readonly string[]> {
  const [{ findEngine }, { readKept }] = await Promise.all([
    import("../engines/index.ts"),
    import("./kept-settings.ts"),
  ]);
  const found = await Promise.all(
    names.map(async (name) => {
      const folder = stackFolder(host, name);
      const [endpoint, kept] = await Promise.all([readEndpoint(folder), readKept(folder)]);
      const { engine = "", adopted = false } = endpoint ?? kept ?? {};
      return !adopted && findEngine(engine)?.kind === "container";
    }),
  );
  return names.filter((_, index) => found[index]);
}

/** What is wrong with the daemon, and what that means for stacks whose containers it has. */
function notAsked(error: StackError, names: readonly string[]): StackError {
  const { code, what, why, next, detail } = error;
  const it = names.length === 1 ? "it" : "they";
  const unknown = `Of ${names.join(", ")}, in containers, it is not known whether ${it} still run${names.length === 1 ? "s" : ""}.`;
  return new StackError(code, {
    what,
    why: why === undefined ? unknown : `${why} ${unknown}`,
    // Not how to get a daemon: there was one.
    next: code === "DOCKER_UNREACHABLE" ? "stack doctor" : next,
    detail,
    cause: error,
  });
}
