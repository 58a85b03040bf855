import type { Clock } from "../host/host.ts";

/** A real clock on which waiting takes no time; what would have been waited (ms) is noted. Polls still yield to others. */
export function quickClock(waits: number[]): Clock {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      waits.push(ms);
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    },
  };
}
