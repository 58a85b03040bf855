import type {
  LlamaContextSequence,
  LlamaGrammarEvaluationState,
  SequenceEvaluateOptions,
  Token,
} from "node-llama-cpp";
import { collect } from "../collect.ts";
import type { Sampling } from "../openai/sampling.ts";

export interface GenerateOptions {
  readonly sequence: LlamaContextSequence;
  readonly tokens: readonly number[];
  /** Most tokens to generate: at most what the context has room for. */
  readonly limit: number;
  readonly sampling: Sampling;
  readonly seed: number;
  readonly signal: AbortSignal;
  /** Asked before each token, so that a grammar can begin in the middle of an answer. */
  readonly grammar: () => LlamaGrammarEvaluationState | undefined;
  readonly monotonic: () => number;
  /** Tokens of the prompt that are still in memory from an earlier request. */
  readonly onReused: (count: number) => void;
}

/** A piece of prompt is sized to take about this long, so that a client that leaves is noticed soon and other answers go on. */
const PIECE_MS = 200;
const SMALLEST_PIECE = 64;

/**
 * Evaluates the prompt, all but what the sequence holds already, and yields tokens until the model ends its turn or `limit` is reached.
 * While the caller deals with one token, llama.cpp computes the next; so a caller that stops early waits for that one in `return()`.
 * Throws the signal's reason when it aborts.
 */
export async function* generate(options: GenerateOptions): AsyncGenerator<number, void, void> {
  const { sequence, signal, limit } = options;
  const written: Token[] = [];
  let tokens: AsyncGenerator<Token, void> | undefined;
  let coming: Promise<IteratorResult<Token, void>> | undefined;
  try {
    const last = await readPrompt(options);
    tokens = sequence.evaluate(last, evaluateOptions(options, written));
    coming = tokens.next();
    while (coming !== undefined) {
      const { value, done } = await coming;
      coming = undefined;
      signal.throwIfAborted();
      if (done === true) return;
      written.push(value);
      if (written.length < limit) coming = tokens.next();
      yield value;
    }
  } catch (error) {
    // After a failed decode the sequence's memory is not what it is believed to be.
    if (!signal.aborted) await sequence.clearHistory();
    throw error;
  } finally {
    // The conversation is given to another request when this has returned: nothing may be under way in it.
    await coming?.catch(() => undefined);
    await tokens?.return();
    collect("young");
  }
}

/** Brings the sequence to the end of the prompt and returns the last piece, whose evaluation yields the first token. */
async function readPrompt(options: GenerateOptions): Promise<Token[]> {
  const { sequence, tokens, signal, monotonic, onReused } = options;
  // The last token is always evaluated: its result is the first token of the answer.
  await sequence.adaptStateToTokens(toTokens(tokens.slice(0, -1)), false);
  const largest = sequence.context.batchSize;
  let at = sequence.nextTokenIndex;
  let size = Math.min(SMALLEST_PIECE, largest);
  onReused(at);
  while (tokens.length - at > size) {
    signal.throwIfAborted();
    const begin = monotonic();
    await sequence.evaluateWithoutGeneratingNewTokens(toTokens(tokens.slice(at, at + size)), {
      contextShift: NO_SHIFT,
    });
    at += size;
    collect("young");
    const fitting = (size * PIECE_MS) / Math.max(monotonic() - begin, 1);
    size = Math.round(Math.min(largest, Math.max(SMALLEST_PIECE, fitting)));
  }
  signal.throwIfAborted();
  if (sequence.needsCheckpoints) await sequence.takeCheckpoint();
  return toTokens(tokens.slice(at));
}

function evaluateOptions(
  { sampling, seed, grammar }: GenerateOptions,
  written: Token[],
): SequenceEvaluateOptions {
  const { presencePenalty, frequencyPenalty } = sampling;
  const penalised = presencePenalty !== 0 || frequencyPenalty !== 0;
  return {
    ...(penalised
      ? {
          repeatPenalty: {
            punishTokens: () => written.slice(-PENALTY_WINDOW),
            maxPunishTokens: PENALTY_WINDOW,
            penalty: 1,
            presencePenalty,
            frequencyPenalty,
          },
        }
      : {}),
    temperature: sampling.temperature,
    topP: sampling.topP,
    topK: sampling.topK,
    minP: sampling.minP,
    seed,
    grammarEvaluationState: grammar,
    contextShift: NO_SHIFT,
  };
}

/** Tokens of the answer that presence and frequency penalties look back at. */
const PENALTY_WINDOW = 512;

/** node-llama-cpp brands its tokens; these are numbers of the same model's vocabulary. */
export function toTokens(tokens: readonly number[]): Token[] {
  return tokens as Token[];
}

/** node-llama-cpp would drop the beginning of a full conversation without a word. Limits are kept so that it never comes to that. */
const NO_SHIFT = {
  strategy: () => {
    throw new Error("the context is full");
  },
} as const;
