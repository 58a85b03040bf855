import type { LlamaContextSequence, LlamaGrammarEvaluationState } from "node-llama-cpp";
import { type AnswerDelta, answerParser, type AnswerParserOptions } from "./chat/answer-parser.ts";
import type { Engine } from "./llama/engine.ts";
import type { Slot } from "./llama/slot-pool.ts";
import { tokenText } from "./llama/token-text.ts";
import { badRequest } from "./openai/api-error.ts";
import type { Sampling } from "./openai/sampling.ts";

export type FinishReason = "stop" | "length" | "tool_calls";

/** Tokens as the model counts them; `cached` of the prompt's were in memory from an earlier request. */
export interface Usage {
  readonly prompt: number;
  readonly cached: number;
  readonly completion: number;
}

type Counted = { -readonly [Key in keyof Usage]: Usage[Key] };

export type AnswerEvent =
  | AnswerDelta
  | { readonly kind: "end"; readonly finish: FinishReason; readonly usage: Usage };

export interface AnswerRequest {
  readonly tokens: readonly number[];
  readonly sampling: Sampling;
  /** Most tokens of the answer; the room left in the context bounds it too. */
  readonly maxTokens: number;
  readonly parser: AnswerParserOptions;
  /** GBNF that holds from the first token on. */
  readonly grammar: string | undefined;
  /** GBNF that holds once the model has begun a call; `consumed` was written after the trigger already. */
  readonly callGrammar: ((consumed: string) => string | undefined) | undefined;
}

/** An answer for which everything is ready. `release` must be called, whether or not `events` was read. */
export interface OpenAnswer {
  events(): AsyncGenerator<AnswerEvent, void, void>;
  /** Tokens so far, also of an answer that was broken off. */
  usage(): Usage;
  release(): void;
}

/** Waits for a free conversation. Rejects with an `ApiError` that is still in time for a status line. */
export async function openAnswer(
  engine: Engine,
  request: AnswerRequest,
  signal: AbortSignal,
): Promise<OpenAnswer> {
  const grammar = await compile(engine, request.grammar);
  const slot = await engine.pool.acquire(request.tokens, signal);
  let held = true;
  const usage: Counted = { prompt: request.tokens.length, cached: 0, completion: 0 };
  return {
    events: () => answerEvents(engine, request, slot, grammar, usage, signal),
    usage: () => usage,
    release: () => {
      if (held) engine.pool.release(slot);
      held = false;
    },
  };
}

async function compile(
  engine: Engine,
  gbnf: string | undefined,
): Promise<LlamaGrammarEvaluationState | undefined> {
  if (gbnf === undefined) return undefined;
  try {
    return await engine.grammar(gbnf);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw badRequest(`The JSON schema cannot be turned into a grammar: ${why}`, undefined);
  }
}

async function* answerEvents(
  engine: Engine,
  request: AnswerRequest,
  slot: Slot<LlamaContextSequence>,
  initial: LlamaGrammarEvaluationState | undefined,
  usage: Counted,
  signal: AbortSignal,
): AsyncGenerator<AnswerEvent, void, void> {
  const parser = answerParser(request.parser);
  const text = tokenText(engine.vocabulary);
  const limit = Math.min(request.maxTokens, engine.context - request.tokens.length);
  let grammar = initial;
  let finish: FinishReason = "stop";
  const tokens = engine.run({
    sequence: slot.value,
    tokens: request.tokens,
    limit,
    sampling: request.sampling,
    signal,
    grammar: () => grammar,
    onReused: (count) => {
      usage.cached = count;
    },
  });
  try {
    for (;;) {
      const { value: token, done } = await tokens.next();
      if (done === true) break;
      usage.completion += 1;
      for (const piece of text.push(token)) yield* parser.push(piece.text, piece.control);
      if (parser.stopped) break;
      if (usage.completion >= limit) {
        finish = "length";
        break;
      }
      // Nothing here waits for more than this turn of the event loop, so the grammar is in force for the token under way.
      if (grammar === undefined && parser.openCall !== undefined) {
        grammar = await compile(engine, request.callGrammar?.(parser.openCall));
      }
    }
    for (const piece of text.end()) yield* parser.push(piece.text, piece.control);
    yield* parser.end(finish === "length");
    if (finish === "stop" && parser.calls > 0) finish = "tool_calls";
    yield { kind: "end", finish, usage };
  } finally {
    await tokens.return();
  }
}
