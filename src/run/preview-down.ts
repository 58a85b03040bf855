import type { RunContext } from "../run-context.ts";
import { offerForget } from "./ask-docker.ts";
import { FORGOTTEN } from "./clear-stack.ts";
import type { DownOptions, DownResult } from "./down.ts";
import { findStacks } from "./parts.ts";
import { planPurge, PURGED_FOLDER } from "./purge.ts";

type Preview = Pick<DownResult, "removed" | "purgedModel" | "modelStays">;

/** Names of what `down` would remove now, without removing anything. Where the daemon can't be asked it fails as that would. */
export async function previewDown(
  context: RunContext,
  { name, purge, forget = false }: DownOptions,
): Promise<Preview> {
  const { stacks, networks, unanswered } = await findStacks(context, name);
  if (unanswered !== undefined && !forget) throw offerForget(unanswered, name);
  const runs = [
    ...(unanswered === undefined ? [] : [FORGOTTEN]),
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
