import { defineCommand } from "../command.ts";
import { ENGINE_ARGUMENT } from "../engine-argument.ts";
import { describeUp, upHints, type UpReport } from "../describe-up.ts";
import { ALL_SETTINGS } from "../setting-flags.ts";

export const command = defineCommand({
  description:
    "Brings up again what runs, with the settings that `stack up` was given, wherever you type it: the same flags and variables, and files of settings as they are now, so that a change of them takes effect. What is given here goes before. With another engine, only what is given here and in files counts. What runs goes only when everything that is to replace it is here. The key stays the same.",
  args: [ENGINE_ARGUMENT],
  flags: {},
  settings: ALL_SETTINGS,
  passthrough: true,
  streams: true,
  examples: [
    { command: "stack restart", what: "Restart the stack named default, as it is." },
    {
      command: "stack restart --name work --context 65536",
      what: "Another one, with a longer context and else as it is.",
    },
  ],
  run: async ({ context, settings, dryRun }): Promise<UpReport> => {
    const resolved = await settings(async ({ values }) => {
      const { settingsToRestart } = await import("../../run/restart-settings.ts");
      return settingsToRestart(context, values.name);
    });
    const { up } = await import("../../run/up.ts");
    const { keyFileOf } = await import("../key-file-of.ts");
    const result = await up(context, resolved, { dryRun, anew: true });
    return { ...result, keyFile: keyFileOf(context.host, resolved, result) };
  },
  text: describeUp,
  hints: upHints,
});
