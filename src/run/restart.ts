import type { ResolvedSettings } from "../plan/settings.ts";
import type { RunContext } from "./context.ts";
import { down } from "./down.ts";
import { up, type UpResult } from "./up.ts";

/** Takes the stack down and up again, with the settings as they are now. What `up` would refuse leaves it as it is. */
export async function restart(context: RunContext, settings: ResolvedSettings): Promise<UpResult> {
  const silent = { ...context, emit: () => {} };
  await up(silent, settings, { dryRun: true });
  await down(context, { name: settings.values.name, purge: false });
  return up(context, settings, { dryRun: false });
}
