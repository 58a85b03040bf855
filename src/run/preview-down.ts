import type { Cleared } from "./clear-stack.ts";
import type { RunContext } from "../run-context.ts";
import { findStacks } from "./parts.ts";

/** Names of what `down` would remove now, without removing anything. */
export async function previewDown(context: RunContext, name: string): Promise<Cleared> {
  const { stacks, networks } = await findStacks(context, name);
  return [
    ...stacks.flatMap(({ process, containers, endpoint }) => [
      ...(endpoint?.adopted === true ? [`the adoption of ${endpoint.apiBase}`] : []),
      ...(process === undefined ? [] : [`process ${process.pid}`]),
      ...containers.map((each) => `container ${each.name}`),
    ]),
    ...networks.map((each) => `network ${each.name}`),
  ];
}
