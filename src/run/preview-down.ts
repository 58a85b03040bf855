import type { RunContext } from "../run-context.ts";
import type { DownResult } from "./down.ts";
import { findStacks } from "./parts.ts";
import { planPurge, PURGED_FOLDER } from "./purge.ts";

type Preview = Pick<DownResult, "removed" | "purgedModel" | "modelStays">;

/** Names of what `down` would remove now, without removing anything. Where the daemon can't be asked it fails as that would. */
export async function previewDown(
  context: RunContext,
  options: { readonly name: string; readonly purge: boolean },
): Promise<Preview> {
  const { name, purge } = options;
  const { stacks, networks, unanswered } = await findStacks(context, name);
  if (unanswered !== undefined) throw unanswered;
  const runs = [
    ...stacks.flatMap(({ process, containers, endpoint }) => [
      ...(endpoint?.adopted === true ? [`the adoption of ${endpoint.apiBase}`] : []),
      ...(process === undefined ? [] : [`process ${process.pid}`]),
      ...containers.map((each) => `container ${each.name}`),
    ]),
    ...networks.map((each) => `network ${each.name}`),
  ];
  if (!purge) return { removed: runs };
  const { folder, told } = await planPurge(context, name);
  return { removed: folder ? [...runs, PURGED_FOLDER] : runs, ...told };
}
