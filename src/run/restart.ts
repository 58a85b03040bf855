import type { ResolvedSettings } from "../plan/settings.ts";
import type { RunContext } from "./context.ts";
import { down } from "./down.ts";
import { up, type UpResult } from "./up.ts";

/** Takes the stack down and up again, with the settings as they are now. */
export async function restart(context: RunContext, settings: ResolvedSettings): Promise<UpResult> {
  await down(context, { name: settings.values.name, purge: false });
  return up(context, settings, { dryRun: false });
}
