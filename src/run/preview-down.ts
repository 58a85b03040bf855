import type { Cleared } from "./clear-stack.ts";
import type { RunContext } from "../run-context.ts";
import { findStacks } from "./parts.ts";

/** Names of what `down` would remove now, without removing anything. Where the daemon can't be asked it fails as that would. */
export async function previewDown(context: RunContext, name: string): Promise<Cleared> {
  const { stacks, networks, unanswered } = await findStacks(context, name);
  if (unanswered !== undefined) throw unanswered;
  return [
    ...stacks.flatMap(({ process, containers, endpoint }) => [
      ...(endpoint?.adopted === true ? [`the adoption of ${endpoint.apiBase}`] : []),
      ...(process === undefined ? [] : [`process ${process.pid}`]),
      ...containers.map((each) => `container ${each.name}`),
    ]),
    ...networks.map((each) => `network ${each.name}`),
  ];
}
