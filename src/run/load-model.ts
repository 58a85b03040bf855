import type { AdoptedEngine, ModelLoading } from "../engines/engine.ts";
import { StackError } from "../errors.ts";
import { ask, type AskOptions } from "../gate/ask.ts";
import { refusal } from "../gate/chat-answer.ts";
import type { ProbeAnswer, ProbeRequest } from "../gate/probe.ts";
import type { AdoptedBase } from "../plan/adopted-base.ts";
import type { RunContext } from "../run-context.ts";

export interface LoadTarget {
  readonly engine: AdoptedEngine;
  readonly loading: ModelLoading;
  readonly base: AdoptedBase;
  readonly options: Omit<AskOptions, "origin" | "apiBase" | "signal">;
  /** Milliseconds for one load. */
  readonly timeoutMs: number;
}

/**
 * Loads a model with a window (undefined: the server's own), through its API or, where that has no such thing, its command. Resolves to the id
 * under which it is served. `DOES_NOT_FIT` with the server's words when it can't, `ENGINE_STOPPED` when neither way is there.
 */
export async function loadModel(
  context: RunContext,
  target: LoadTarget,
  model: string,
  tokens: number | undefined,
  signal: AbortSignal,
): Promise<string> {
  const { loading, engine } = target;
  const answer = await tell(target, loading.load(model, tokens), signal);
  const id = loading.loadedAs(answer);
  if (id !== undefined) return id;
  const command = loading.loadCommand(model, tokens);
  if (!hasNoSuchPath(answer)) {
    throw new StackError("DOES_NOT_FIT", {
      what: `${engine.title} did not load ${model}${tokens === undefined ? "" : ` with ${tokens} tokens of context`}.`,
      why: `${refusal(answer)}.`,
      next: `a smaller --context, or see what it says: ${command.join(" ")}`,
    });
  }
  await byCommand(context, target, command, signal);
  return model;
}

/** Unloads an instance; one that is gone already is fine. */
export async function unloadModel(
  context: RunContext,
  target: LoadTarget,
  instance: string,
  signal: AbortSignal,
): Promise<void> {
  const answer = await tell(target, target.loading.unload(instance), signal);
  if (!hasNoSuchPath(answer)) {
    if (answer.status === 200 || answer.status === 404) return;
    throw new StackError("CONFLICT", {
      what: `${target.engine.title} did not unload ${instance}.`,
      why: `${refusal(answer)}.`,
      next: target.loading.unloadCommand(instance).join(" "),
    });
  }
  await byCommand(context, target, target.loading.unloadCommand(instance), signal);
}

async function tell(
  target: LoadTarget,
  request: ProbeRequest,
  signal: AbortSignal,
): Promise<ProbeAnswer> {
  const limit = AbortSignal.timeout(target.timeoutMs);
  try {
    return await ask(request, {
      ...target.options,
      ...target.base,
      signal: AbortSignal.any([signal, limit]),
    });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw new StackError("NOT_READY", {
      what: `${target.engine.title} gave no answer to ${request.method} ${request.path}.`,
      why: limit.aborted
        ? `It took longer than ${Math.round(target.timeoutMs / 1000)} s.`
        : error instanceof Error
          ? `${error.message}.`
          : undefined,
      next: "allow more time with --timeout",
      cause: error,
    });
  }
}

/** LM Studio answers an unknown path by 200 (!) and "Unexpected endpoint or method", others by 404 or 405. */
function hasNoSuchPath({ status, text }: ProbeAnswer): boolean {
  return status === 405 || (status === 404 && !/model|instance/i.test(text)) || isUnexpected(text);
}

function isUnexpected(text: string): boolean {
  return /unexpected endpoint or method/i.test(text);
}

async function byCommand(
  context: RunContext,
  { engine, base, timeoutMs }: LoadTarget,
  command: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const [file = "", ...args] = command;
  const line = command.join(" ");
  const cannot = (why: string): StackError =>
    new StackError("ENGINE_STOPPED", {
      what: `${engine.title} has no API to load a model with a chosen context.`,
      why,
      next: base.local ? line : `run there: ${line}`,
    });
  if (!base.local) throw cannot("It is on another machine.");
  const result = await context.host.exec(file, args, { timeoutMs, signal });
  if (result.exitCode === 127) throw cannot(`Its command ${file} is not here either.`);
  if (result.exitCode === 0) return;
  throw new StackError("DOES_NOT_FIT", {
    what: `\`${line}\` failed with exit status ${result.exitCode}.`,
    next: "a smaller --context",
    detail: `${result.stdout}\n${result.stderr}`.trim().split("\n").slice(-20),
  });
}
