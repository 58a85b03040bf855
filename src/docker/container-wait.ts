import * as z from "zod";
import { StackError } from "../errors.ts";
import { find } from "./ask.ts";
import { inspectContainer } from "./container-facts.ts";
import type { ContainerExit } from "./runtime.ts";
import type { Wire } from "./wire.ts";

const waitSchema = z.object({ StatusCode: z.number() });

/** Resolves when the container's main process ends, also when the daemon restarts it afterwards. Removed under our hands: `ENGINE_STOPPED`. */
export async function waitExit(
  wire: Wire,
  id: string,
  signal: AbortSignal,
): Promise<ContainerExit> {
  const ended = await find(wire, `Waiting for container ${id}`, waitSchema, {
    method: "POST",
    path: `/containers/${id}/wait`,
    query: { condition: "not-running" },
    // Held open by the daemon for as long as the container runs.
    deadlineMs: undefined,
    signal,
  });
  if (ended === undefined) {
    throw new StackError("ENGINE_STOPPED", {
      what: `The container ${id} was removed while it was waited for.`,
      next: "Run `stack up` again.",
    });
  }
  const after = await inspectContainer(wire, id, signal);
  return { exitCode: ended.StatusCode, oomKilled: after?.oomKilled ?? false };
}
