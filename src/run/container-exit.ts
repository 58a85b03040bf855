import type { ContainerExit, Runtime } from "../docker/runtime.ts";
import { StackError } from "../errors.ts";
import { engineFailure, SEARCHED, TAIL } from "./engine-failure.ts";

export interface Watched {
  readonly role: string;
  readonly id: string;
}

/** Rejects with `ENGINE_STOPPED` as soon as one of the containers ends, with its last log lines. */
export async function watchContainers(
  runtime: Runtime,
  containers: readonly Watched[],
  signal: AbortSignal,
): Promise<never> {
  const { role, id, exit } = await Promise.race(
    containers.map(async (each) => ({
      ...each,
      exit: await runtime.containers.waitExit(each.id, signal),
    })),
  );
  throw stopped(role, exit, await runtime.containers.tail(id, SEARCHED, signal));
}

function stopped(role: string, exit: ContainerExit, lines: readonly string[]): StackError {
  const what = `The container of the ${role} stopped while it was waited for (${describeExit(exit)}).`;
  if (exit.oomKilled) {
    return new StackError("ENGINE_STOPPED", {
      what,
      why: "The kernel killed it: it needed more memory than it may have.",
      next: "stack up --memory <more>, or a smaller model or context",
      detail: lines.slice(-TAIL),
    });
  }
  return engineFailure(what, lines);
}

function describeExit({ exitCode, oomKilled }: ContainerExit): string {
  return oomKilled ? `out of memory, exit status ${exitCode}` : `exit status ${exitCode}`;
}
