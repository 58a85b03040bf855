import type { AdoptedEngine, FoundModel } from "../engines/engine.ts";
import { StackError } from "../errors.ts";
import { ask, type AskOptions } from "../gate/ask.ts";
import { refusal } from "../gate/chat-answer.ts";
import type { AdoptedBase } from "../plan/adopted-base.ts";

/** Milliseconds for a list of models: hosted routers with thousands of them need some. */
const LIST_MS = 15_000;

/**
 * Looks for the server and what it has. Undefined: it answers, and tells no list.
 * Nothing there is `ENGINE_STOPPED` and names the command that starts it; a key that is refused is `USAGE`.
 */
export async function findServer(
  engine: AdoptedEngine,
  base: AdoptedBase,
  options: Omit<AskOptions, "origin" | "apiBase">,
): Promise<readonly FoundModel[] | undefined> {
  for (const { path, read } of engine.lists) {
    const answer = await answerOf(engine, base, path, options);
    if (answer.status === 401 || answer.status === 403) {
      throw new StackError("USAGE", {
        what: `${engine.title} at ${base.apiBase} refuses the key (${refusal(answer)}).`,
        next: `stack up ${engine.name} --key-file FILE`,
      });
    }
    const models = read(answer);
    if (models !== undefined) return models;
  }
  return undefined;
}

async function answerOf(
  engine: AdoptedEngine,
  base: AdoptedBase,
  path: string,
  options: Omit<AskOptions, "origin" | "apiBase">,
): ReturnType<typeof ask> {
  const limit = AbortSignal.timeout(LIST_MS);
  try {
    return await ask(
      { method: "GET", path, read: "whole" },
      { ...options, ...base, signal: AbortSignal.any([options.signal, limit]) },
    );
  } catch (error) {
    if (options.signal.aborted) throw options.signal.reason;
    const { diagnose } = await import("../models/net/trouble.ts");
    const { why, next, untrusted = false } = diagnose(error, base.apiBase, 0);
    if (untrusted) {
      throw new StackError("USAGE", {
        what: `${engine.title} at ${base.apiBase} can't be trusted.`,
        why,
        next:
          next === undefined
            ? `look at it with: curl -v ${base.apiBase}/models`
            : `stack up ${engine.name} --ca FILE`,
        cause: error,
      });
    }
    throw new StackError("ENGINE_STOPPED", {
      what: `${engine.title} does not answer at ${base.apiBase}.`,
      why: limit.aborted ? `There was no answer within ${LIST_MS / 1000} s.` : why,
      next:
        engine.start !== undefined && base.local
          ? engine.start
          : `check the address with: curl ${base.apiBase}/models`,
      cause: error,
    });
  }
}
