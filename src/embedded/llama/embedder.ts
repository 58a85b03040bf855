import type { LlamaEmbeddingContext } from "node-llama-cpp";
import { contextLengthExceeded } from "../openai/api-error.ts";
import { toTokens } from "./generate.ts";
import type { LoadedModel } from "./load.ts";
import { slotPool } from "./slot-pool.ts";

export interface Embedder {
  /** Numbers in a vector. */
  readonly dimensions: number;
  /** Requests that wait for their turn. */
  readonly waiting: number;
  /**
   * Vectors of length 1 (L2), in the order of the inputs, and the number of tokens read. One request runs; rejects with 503 when
   * too many wait, with the signal's reason when it aborts.
   */
  embed(
    inputs: readonly (string | readonly number[])[],
    signal: AbortSignal,
  ): Promise<{ readonly vectors: readonly (readonly number[])[]; readonly tokens: number }>;
}

/** One input is evaluated as one batch, whose buffers grow with it: enough for what embedding models are trained on. */
const MAX_TOKENS = 8192;

/** Embeddings need a memory of their own, which is taken when the first request comes. At most `bound` requests wait for it. */
export function createEmbedder({ model, context, threads }: LoadedModel, bound: number): Embedder {
  const limit = Math.min(context.contextSize, model.trainContextSize, MAX_TOKENS);
  let ready: Promise<LlamaEmbeddingContext> | undefined;
  const open = (): Promise<LlamaEmbeddingContext> => {
    ready ??= model
      .createEmbeddingContext({ contextSize: limit, batchSize: limit, threads })
      .catch((error: unknown) => {
        ready = undefined;
        throw error;
      });
    return ready;
  };
  const pool = slotPool([open], bound, () => ({ common: 0, held: 0 }));
  return {
    dimensions: model.embeddingVectorSize,
    get waiting() {
      return pool.waiting;
    },
    async embed(inputs, signal) {
      const tokenised = inputs.map((input) =>
        typeof input === "string" ? model.tokenize(input) : toTokens(input),
      );
      const longest = Math.max(...tokenised.map((tokens) => tokens.length));
      // One place each for a beginning and an end token, and one that llama.cpp keeps free.
      if (longest > limit - 3) throw contextLengthExceeded(limit - 3, longest, "input");
      const slot = await pool.acquire([], signal);
      try {
        const embedding = await slot.value();
        const vectors: (readonly number[])[] = [];
        for (const tokens of tokenised) {
          signal.throwIfAborted();
          vectors.push(normalise((await embedding.getEmbeddingFor(tokens)).vector));
        }
        return { vectors, tokens: tokenised.reduce((sum, tokens) => sum + tokens.length, 0) };
      } finally {
        pool.release(slot);
      }
    },
  };
}

/** OpenAI's vectors have length 1, so that a dot product is a cosine. */
function normalise(vector: readonly number[]): readonly number[] {
  const length = Math.hypot(...vector);
  return length === 0 ? vector : vector.map((value) => value / length);
}
