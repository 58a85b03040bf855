import { StackError } from "../errors.ts";
import { acquireLock } from "./lock.ts";
import type { RunContext } from "../run-context.ts";

const POLL_MS = 100;

/** Runs `work` while this process holds the lock; waits for whoever has it, and says so once. `purpose`, such as "a change of the model store", is what others are told. */
export async function withLock<T>(
  context: RunContext,
  file: string,
  purpose: string,
  work: () => Promise<T>,
): Promise<T> {
  const { host, signal, emit } = context;
  for (let told = false; ; told = true) {
    let lock;
    try {
      lock = await acquireLock(host, file, purpose);
    } catch (error) {
      if (!(error instanceof StackError) || error.code !== "LOCKED") throw error;
      if (!told)
        emit({
          type: "info",
          message: `Waiting for another command to end with ${purpose}.`,
        });
      await host.clock.sleep(POLL_MS, signal);
      continue;
    }
    try {
      return await work();
    } finally {
      await lock.release();
    }
  }
}
