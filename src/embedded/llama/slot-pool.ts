import { unavailable } from "../openai/api-error.ts";

/** One conversation's memory in the engine. `T` is what does the work (a llama.cpp sequence). */
export interface Slot<T> {
  readonly value: T;
}

interface SlotState<T> extends Slot<T> {
  busy: boolean;
  /** Order of last use; higher is newer. */
  used: number;
}

interface Waiter<T> {
  readonly tokens: readonly number[];
  readonly grant: (slot: SlotState<T>) => void;
}

export interface SlotPool<T> {
  /**
   * Resolves to the idle slot that fits `tokens` best, or waits for one, first come first served. Rejects with 503 past the bound,
   * with the signal's reason when it aborts.
   */
  acquire(tokens: readonly number[], signal: AbortSignal): Promise<Slot<T>>;
  release(slot: Slot<T>): void;
  readonly waiting: number;
  readonly active: number;
}

/** How much of `tokens` the slot holds already, and how many tokens it holds. */
export type SlotContent<T> = (
  value: T,
  tokens: readonly number[],
) => { readonly common: number; readonly held: number };

/** Shares the engine's conversations among requests: at most `values.length` run, at most `bound` wait. */
export function slotPool<T>(
  values: readonly T[],
  bound: number,
  content: SlotContent<T>,
): SlotPool<T> {
  const slots = values.map((value): SlotState<T> => ({ value, busy: false, used: 0 }));
  const queue: Waiter<T>[] = [];
  let clock = 0;

  const take = (slot: SlotState<T>): SlotState<T> => {
    slot.busy = true;
    clock += 1;
    slot.used = clock;
    return slot;
  };
  /** The slot with the longest common beginning, unless that would throw away most of another conversation: then the one unused for longest. */
  const best = (tokens: readonly number[]): SlotState<T> | undefined => {
    const idle = slots.filter((slot) => !slot.busy);
    const judged = idle.map((slot) => ({ slot, ...content(slot.value, tokens) }));
    const reusable = judged.filter(({ common, held }) => common > 0 && common * 2 >= held);
    const [longest] = reusable.toSorted((a, b) => b.common - a.common);
    const [oldest] = judged.toSorted((a, b) => a.slot.used - b.slot.used || a.held - b.held);
    return (longest ?? oldest)?.slot;
  };

  return {
    get waiting() {
      return queue.length;
    },
    get active() {
      return slots.filter((slot) => slot.busy).length;
    },
    acquire(tokens, signal) {
      if (signal.aborted) return Promise.reject(reasonOf(signal));
      const idle = best(tokens);
      if (idle !== undefined) return Promise.resolve(take(idle));
      if (queue.length >= bound) {
        return Promise.reject(
          unavailable(
            `${slots.length} requests run and ${queue.length} wait already: no more are taken now.`,
            "queue_full",
            5,
          ),
        );
      }
      return new Promise((resolve, reject) => {
        const waiter: Waiter<T> = {
          tokens,
          grant: (slot) => {
            signal.removeEventListener("abort", leave);
            resolve(take(slot));
          },
        };
        const leave = (): void => {
          const at = queue.indexOf(waiter);
          if (at !== -1) queue.splice(at, 1);
          reject(reasonOf(signal));
        };
        signal.addEventListener("abort", leave, { once: true });
        queue.push(waiter);
      });
    },
    release(released) {
      const slot = slots.find((candidate) => candidate === released);
      if (slot === undefined) return;
      slot.busy = false;
      const next = queue.shift();
      if (next !== undefined) next.grant(best(next.tokens) ?? slot);
    },
  };
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error("aborted");
}
