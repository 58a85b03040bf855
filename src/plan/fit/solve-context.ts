import { type Budget, roomFor } from "./budget.ts";
import type { EngineMemory } from "./engine-memory.ts";
import { estimate, type ModelSize } from "./estimate.ts";
import type { KvQuestion } from "./kv-cache.ts";

/** Fewer tokens than this are of no use to anybody. */
const LEAST = 2048;

export interface SolvedContext {
  readonly tokens: number;
  readonly limitedBy: "memory" | "limit";
}

/**
 * The largest context up to `limit` that leaves a margin of the free memory, rounded down to steps that people use.
 * Undefined when not even the smallest useful one does.
 */
export function solveContext(
  model: ModelSize,
  engine: EngineMemory,
  budget: Budget,
  how: Omit<KvQuestion, "context"> & { readonly limit: number },
): SolvedContext | undefined {
  const fits = (context: number): boolean =>
    roomFor(estimate(model, engine, { ...how, context }), budget, engine) === "ample";
  if (fits(how.limit)) return { tokens: how.limit, limitedBy: "limit" };
  let low = Math.min(LEAST, how.limit);
  if (!fits(low)) return undefined;
  let high = how.limit;
  // What is needed never shrinks when the context grows, so halving finds the edge.
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (fits(middle)) low = middle;
    else high = middle;
  }
  return { tokens: roundDown(low), limitedBy: "memory" };
}

function roundDown(tokens: number): number {
  const step = tokens >= 32_768 ? 4096 : tokens >= 8192 ? 1024 : 256;
  return Math.max(1, Math.floor(tokens / step)) * step;
}
