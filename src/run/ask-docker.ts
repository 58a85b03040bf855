import type { Patience } from "../docker/connect.ts";
import type { Runtime } from "../docker/runtime.ts";
import { StackError } from "../errors.ts";
import type { RunContext } from "../run-context.ts";
import { readEndpoint, stackFolder } from "./stack-folder.ts";

/**
 * Milliseconds that a daemon is waited for by who may well have nothing there: at a ping, and then at the question, as dockerd
 * often hangs so that it answers the one and not the other. Less than `connect` gives one address.
 */
const PATIENCE_MS = 4000;
/** The same at a ping, once another daemon has not answered one. */
const NEXT_PATIENCE_MS = 2000;

/** What commands, by their signal, found where a daemon was too slow: no other, or the one behind it. They wait for it that once. */
const found = new WeakMap<AbortSignal, Runtime | "none">();

/** What is asked; its signal ends the question, also when it has taken too long. */
type Question<T> = (runtime: Runtime, signal: AbortSignal) => Promise<T>;

/**
 * What the daemon says of the stacks of these names, or `otherwise` where it can't be asked and none of them is known to run in
 * containers: that is worth a warning, and not even that where no daemon answers. Of one that does it is an error. What changes
 * something is no question: that it fails would be told as that nothing is known.
 */
export async function askDocker<T>(
  context: RunContext,
  names: readonly string[],
  otherwise: T,
  question: Question<T>,
): Promise<T> {
  const { signal, emit } = context;
  const before = found.get(signal);
  const isWaitedFor = before !== undefined && (await namesInContainers(context, names)).length > 0;
  const again = isWaitedFor ? undefined : before;
  if (again === "none") return otherwise;
  let runtime: Runtime | undefined;
  let slow = false;
  const wait = (ms: number): Patience =>
    patienceFor(context, names, ms, () => {
      slow = true;
    });
  try {
    runtime = again ?? (await find(context, wait));
    slow = false;
    using patience = wait(PATIENCE_MS);
    return await question(runtime, AbortSignal.any([signal, patience.signal]));
  } catch (thrown) {
    signal.throwIfAborted();
    const error: unknown = slow ? tooSlow() : thrown;
    if (!(error instanceof StackError)) throw error;
    const inContainers = await namesInContainers(context, names);
    if (inContainers.length > 0) throw notAsked(error, inContainers);
    if (slow) found.set(signal, "none");
    if (slow || runtime !== undefined || error.code !== "DOCKER_UNREACHABLE") {
      const { what, next } = error;
      const message = `Docker could not be asked whether it has anything of this: ${what}`;
      emit({ type: "warning", message, ...(next === undefined ? {} : { next }) });
    }
    return otherwise;
  }
}

/** The daemon that answers a ping. That another did not is worth a warning: what is looked for may be there. */
async function find(context: RunContext, wait: (ms: number) => Patience): Promise<Runtime> {
  const { host, signal, emit } = context;
  const { connect } = await import("../docker/connect.ts");
  const slow: string[] = [];
  const runtime = await connect(host, {
    signal,
    patience: ({ text }) => {
      const patience = wait(slow.length === 0 ? PATIENCE_MS : NEXT_PATIENCE_MS);
      patience.signal.addEventListener("abort", () => slow.push(text));
      return patience;
    },
  });
  if (slow.length > 0) {
    found.set(signal, runtime);
    const message = `${slow.join(" and ")} gave no answer in time, and ${runtime.address} is asked in place of that.`;
    emit({ type: "warning", message, next: "stack doctor" });
  }
  return runtime;
}

/** Fires when it has been waited long enough for what may not be there. */
function patienceFor(
  context: RunContext,
  names: readonly string[],
  ms: number,
  onOver: () => void,
): Patience {
  const { host, signal } = context;
  const late = new AbortController();
  const over = new AbortController();
  const watch = async (): Promise<void> => {
    await host.clock.sleep(ms, AbortSignal.any([signal, over.signal]));
    // Looked up only now: it loads all engines.
    if ((await namesInContainers(context, names)).length > 0 || over.signal.aborted) return;
    onOver();
    late.abort(new DOMException("no answer in time", "TimeoutError"));
  };
  void watch().catch(() => {});
  return { signal: late.signal, [Symbol.dispose]: () => over.abort() };
}

function tooSlow(): StackError {
  return new StackError("DOCKER_UNREACHABLE", {
    what: `the daemon gave no answer within ${PATIENCE_MS / 1000} s.`,
    next: "stack doctor",
  });
}

/** `askDocker` of a stack that something else is to take the place of: its error names the way out. */
export async function askDockerOf<T>(
  context: RunContext,
  name: string,
  otherwise: T,
  question: Question<T>,
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
