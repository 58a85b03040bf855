import type { ContainerExit, Runtime } from "../docker/runtime.ts";
import { engineFailure, SEARCHED } from "./engine-failure.ts";

/** 128 and the number of the signal. */
const SIGKILLED = 137;

export interface Watched {
  readonly role: string;
  readonly id: string;
  /** Of one that was there already: what it logged before that is not of this start. */
  readonly startedAt?: string | undefined;
}

/** Rejects with `ENGINE_STOPPED` as soon as one of the containers ends, with its last log lines. */
export async function watchContainers(
  runtime: Runtime,
  containers: readonly Watched[],
  signal: AbortSignal,
): Promise<never> {
  const { role, id, startedAt, exit } = await Promise.race(
    containers.map(async (each) => ({
      ...each,
      exit: await runtime.containers.waitExit(each.id, signal),
    })),
  );
  throw engineFailure({
    what: `The container of the ${role} stopped while it was waited for (${describeExit(exit)}).`,
    lines: await runtime.containers.tail(id, SEARCHED, { startedAt, signal }),
    outOfMemory: exit.oomKilled,
    killed: exit.exitCode === SIGKILLED,
  });
}

function describeExit({ exitCode, oomKilled }: ContainerExit): string {
  return oomKilled ? `out of memory, exit status ${exitCode}` : `exit status ${exitCode}`;
}
