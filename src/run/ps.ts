import { LABEL } from "../plan/labels.ts";
import type { RunContext } from "../run-context.ts";
import {
  engineOf,
  findStacks,
  runningSince,
  type StackState,
  stateOf,
  warnUnanswered,
} from "./parts.ts";

export interface PsRow {
  readonly name: string;
  readonly state: StackState;
  readonly engine: string;
  /** Served model id, or the reference where no endpoint is known. */
  readonly model?: string;
  readonly apiBase?: string;
  readonly contextWindow?: number;
  /** ISO time. */
  readonly since?: string;
}

/** Stacks that run, and those of which that is not known; `all` also those that have stopped. */
export async function ps(
  context: RunContext,
  options: { readonly all: boolean },
): Promise<readonly PsRow[]> {
  const found = await findStacks(context);
  warnUnanswered(context, found);
  const rows = found.stacks.map((parts): PsRow => {
    const { endpoint } = parts;
    const since = runningSince(parts);
    const model =
      endpoint?.model ?? parts.containers.map((each) => each.labels[LABEL.model]).find(Boolean);
    return {
      name: parts.name,
      state: stateOf(parts),
      engine: engineOf(parts),
      ...(model === undefined ? {} : { model }),
      ...(endpoint === undefined
        ? {}
        : { apiBase: endpoint.apiBase, contextWindow: endpoint.contextWindow }),
      ...(since === undefined ? {} : { since }),
    };
  });
  return options.all ? rows : rows.filter((row) => row.state !== "stopped");
}
