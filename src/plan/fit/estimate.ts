import type { KvGroup, MemoryShape } from "../../models/memory-shape.ts";
import type { EngineMemory } from "./engine-memory.ts";
import { bytesPerToken, cellsOf, checkpointBytes, kvBytes, type KvQuestion } from "./kv-cache.ts";

/** What is known of a model before it is loaded. */
export interface ModelSize {
  readonly weightsBytes: number;
  /** As the file names it, where it was read. */
  readonly architecture?: string | undefined;
  readonly shape: MemoryShape;
}

/** Bytes that an engine needs with a full context. */
export interface MemoryEstimate {
  readonly weights: number;
  /** Keys, values and recurrent states of all conversations. */
  readonly kv: number;
  /** Buffers of the computation. */
  readonly compute: number;
  /** The program, and its tables of the vocabulary. */
  readonly runtime: number;
  /** Most that it keeps of earlier prompts. */
  readonly cache: number;
  readonly total: number;
  /** What one more token of context costs. */
  readonly perToken: number;
}

/** Pure arithmetic over the model's shape; `docs/choosing-a-model.md` has the formula. */
export function estimate(
  { weightsBytes, architecture, shape }: ModelSize,
  engine: EngineMemory,
  question: KvQuestion,
): MemoryEstimate {
  const kv = Math.ceil(kvBytes(shape, engine, question));
  const own = engine.own?.architectures.includes(architecture ?? "") ? engine.own : undefined;
  const maskBytes = own?.maskBytes ?? engine.maskBytes;
  const compute = Math.ceil(computeBytes(shape, { ...engine, maskBytes }, question));
  const runtime = engine.processBytes + engine.vocabularyEntryBytes * shape.vocabulary;
  const cache = Math.ceil(cacheBytes(shape, engine, question));
  const twice = own === undefined ? 0 : (shape.tiedBytes ?? 0);
  const copies = engine.tableCopies * shape.vocabulary * shape.embeddingLength * TABLE_BYTES;
  const weights = weightsBytes + twice + copies;
  return {
    weights,
    kv,
    compute,
    runtime,
    cache,
    total: weights + kv + compute + runtime + cache,
    perToken: Math.ceil(bytesPerToken(shape, engine, question)),
  };
}

const F32_BYTES = 4;
/** A table of words stays bfloat16 or float16, also in quantised safetensors. */
const TABLE_BYTES = 2;
/**
 * Rows of the width between layers, and of the widest place inside one, that llama.cpp has in use at once while it reads a
 * batch. Fitted to `CPU compute buffer size` of llama-server 0.7.0 with flash attention: exact for smollm2:135m (14.6 MiB)
 * and gemma3:270m (18.3 MiB), masks aside.
 */
const ROWS = { embedding: 5, widest: 3 } as const;

/** The rows of a batch, the masks (who looks at whom), and one row of logits a conversation. */
function computeBytes(shape: MemoryShape, engine: EngineMemory, question: KvQuestion): number {
  const { batch } = engine;
  const rows = ROWS.embedding * shape.embeddingLength + ROWS.widest * shape.widestLength;
  const masks = distinctCells(shape.kv, engine, question.context);
  return (
    batch * F32_BYTES * rows +
    batch * engine.maskBytes * masks +
    question.parallel * F32_BYTES * shape.vocabulary
  );
}

/** One mask for all layers that see everything, one for those with a window. */
function distinctCells(groups: readonly KvGroup[], engine: EngineMemory, context: number): number {
  const sizes = groups.map((group) => cellsOf(group, engine, context));
  return [...new Set(sizes)].reduce((sum, cells) => sum + cells, 0);
}

function cacheBytes(shape: MemoryShape, engine: EngineMemory, question: KvQuestion): number {
  const { checkpoints, promptCacheBytes } = engine;
  if (checkpoints === undefined) return promptCacheBytes;
  const each = checkpointBytes(shape, engine, question);
  const count = Math.min(checkpoints.most, Math.ceil(question.context / checkpoints.every) + 1);
  return promptCacheBytes + question.parallel * count * each;
}
