import { defineCommand } from "../command.ts";
import { ENGINE_ARGUMENT } from "../engine-argument.ts";
import { describeUp, upHints, type UpReport } from "../describe-up.ts";
import { ALL_SETTINGS } from "../setting-flags.ts";

export const command = defineCommand({
  description:
    "The settings are read anew, so this is also how a change of them takes effect. What runs goes only when everything that is to replace it is here. The key stays the same.",
  args: [ENGINE_ARGUMENT],
  flags: {},
  settings: ALL_SETTINGS,
  passthrough: true,
  streams: true,
  examples: [{ command: "stack restart", what: "Restart the stack named default." }],
  run: async ({ context, settings, dryRun }): Promise<UpReport> => {
    const resolved = await settings();
    const { up } = await import("../../run/up.ts");
    const { keyFileOf } = await import("../key-file-of.ts");
    const result = await up(context, resolved, { dryRun, anew: true });
    return { ...result, keyFile: keyFileOf(context.host, resolved, result) };
  },
  text: describeUp,
  hints: upHints,
});
