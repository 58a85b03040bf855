import type { Flow } from "../net/http.ts";
import type { Partial } from "./partial.ts";

/** Bytes gathered before a write; smaller batches were slower over loopback, larger ones not faster. */
const BATCH_BYTES = 2 * 1024 * 1024;

/** Carries chunks from a socket to a partial file: one write at a time, the sender paused while a second batch is full. */
export interface Pump {
  /** Runs before anything that is pushed from now on. */
  first(work: () => Promise<void>): void;
  push(chunk: Buffer, flow: Flow): void;
  /** Writes the rest. Resolves to the error that stopped writing, if any. */
  finish(): Promise<Error | undefined>;
}

export function startPump(partial: Partial, onBytes: (position: number) => void): Pump {
  let batch: Buffer[] = [];
  let batchBytes = 0;
  let queue: Promise<void> = Promise.resolve();
  let writing = false;
  let paused: Flow | undefined;
  let failure: Error | undefined;

  function enqueue(work: () => Promise<void>, onError: (error: Error) => void): void {
    queue = after(queue, work, onError);
  }

  async function after(
    earlier: Promise<void>,
    work: () => Promise<void>,
    onError: (error: Error) => void,
  ): Promise<void> {
    await earlier;
    if (failure !== undefined) return;
    try {
      await work();
    } catch (error) {
      failure = error instanceof Error ? error : new Error("a write failed", { cause: error });
      onError(failure);
    }
  }

  function flush(onError: (error: Error) => void): void {
    const chunks = batch;
    batch = [];
    batchBytes = 0;
    writing = true;
    enqueue(async () => {
      await partial.append(chunks);
      onBytes(partial.position());
      writing = false;
      paused?.resume();
      paused = undefined;
    }, onError);
  }

  return {
    first: (work) => enqueue(work, () => {}),
    push: (chunk, flow) => {
      if (failure !== undefined) {
        flow.fail(failure);
        return;
      }
      batch.push(chunk);
      batchBytes += chunk.length;
      if (batchBytes < BATCH_BYTES) return;
      if (writing) {
        paused = flow;
        flow.pause();
      } else {
        flush((error) => flow.fail(error));
      }
    },
    finish: async () => {
      if (batch.length > 0) flush(() => {});
      await queue;
      return failure;
    },
  };
}
