import type { KvGroup, MemoryShape } from "../../models/memory-shape.ts";
import type { EngineMemory } from "./engine-memory.ts";

/** How a number of a key or value is kept. */
export type KvType = "f16" | "q8_0" | "q4_0";

/** Bytes of one number: the quantised ones are blocks of 32 with a scale (ggml's `block_q8_0`, `block_q4_0`). */
const ELEMENT_BYTES: Readonly<Record<KvType, number>> = {
  f16: 2,
  q8_0: 34 / 32,
  q4_0: 18 / 32,
};

export interface KvQuestion {
  /** Tokens of one conversation. */
  readonly context: number;
  /** Conversations at the same time. */
  readonly parallel: number;
  readonly kvType: KvType;
}

/** Bytes that keys and values of all conversations take, and the state of recurrent layers. */
export function kvBytes(shape: MemoryShape, engine: EngineMemory, question: KvQuestion): number {
  const { context, parallel, kvType } = question;
  const cells = shape.kv.reduce(
    (sum, group) => sum + cellBytes(group, kvType) * cellsOf(group, engine, context),
    0,
  );
  const spare = engine.spareTokens * bytesPerToken(shape, engine, { ...question, parallel: 1 });
  return parallel * (cells + shape.stateBytes) + spare;
}

/** What one more token of every conversation costs once all windows are full. */
export function bytesPerToken(
  shape: MemoryShape,
  engine: EngineMemory,
  question: KvQuestion,
): number {
  const growing = shape.kv.filter((group) => group.window === undefined || !engine.keepsWindows);
  return (
    question.parallel * growing.reduce((sum, group) => sum + cellBytes(group, question.kvType), 0)
  );
}

/**
 * Bytes of keys and values of one token of one conversation, for engines that are told how much to reserve. Undefined where
 * that is not all: recurrent layers keep a state, which an engine lays out in its own way.
 */
export function tokenBytes(shape: MemoryShape, engine: EngineMemory): number | undefined {
  if (shape.stateBytes > 0) return undefined;
  return bytesPerToken(shape, engine, { context: 1, parallel: 1, kvType: "f16" });
}

/** Bytes of one checkpoint of a conversation: what cannot be cut back to an earlier token. */
export function checkpointBytes(
  shape: MemoryShape,
  engine: EngineMemory,
  question: KvQuestion,
): number {
  const windows = shape.kv
    .filter((group) => group.window !== undefined && engine.keepsWindows)
    .reduce((sum, group) => {
      const tokens = Math.min(group.window ?? 0, question.context);
      return sum + cellBytes(group, question.kvType) * tokens;
    }, 0);
  return windows + shape.stateBytes;
}

/** Tokens for which a layer keeps room. With a window, that and the batch that is read at once (llama-kv-cache-iswa.cpp). */
export function cellsOf(group: KvGroup, engine: EngineMemory, context: number): number {
  const all = roundUp(context, engine.padding);
  if (group.window === undefined || !engine.keepsWindows) return all;
  return Math.min(all, roundUp(group.window + engine.batch + engine.windowSpare, engine.padding));
}

function cellBytes({ layers, kvHeads, keyLength, valueLength }: KvGroup, kvType: KvType): number {
  return layers * kvHeads * (keyLength + valueLength) * ELEMENT_BYTES[kvType];
}

function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}
