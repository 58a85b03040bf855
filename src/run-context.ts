import type { Host } from "./host/host.ts";
import type { Emit } from "./events.ts";

/** What every piece of work is given: the world, a mouth, and a way to be stopped. */
export interface RunContext {
  readonly host: Host;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}
