import { defineCommand } from "../command.ts";
import { ENGINE_ARGUMENT } from "../engine-argument.ts";
import { describeUp, upHints, type UpReport } from "../describe-up.ts";
import { ALL_SETTINGS } from "../setting-flags.ts";

export const command = defineCommand({
  description:
    "The settings are read anew, so this is also how a change of them takes effect. The key stays the same.",
  args: [ENGINE_ARGUMENT],
  flags: {},
  settings: ALL_SETTINGS,
  passthrough: true,
  streams: true,
  examples: [{ command: "stack restart", what: "Restart the stack named default." }],
  run: async ({ context, settings, dryRun }): Promise<UpReport> => {
    const resolved = await settings();
    const { keyFileOf } = await import("../key-file-of.ts");
    if (dryRun) {
      const { previewDown } = await import("../../run/preview-down.ts");
      const { up } = await import("../../run/up.ts");
      const { engine, model, steps } = await up(context, resolved, { dryRun });
      const { name } = resolved.values;
      const stops = (await previewDown(context, name)).map((what) => ({
        id: `remove:${what}`,
        title: `Remove ${what}`,
      }));
      const start = { id: "up", title: `Start ${engine} with ${model} again` };
      const plan = [...stops, ...(steps.length > 0 ? steps : [start])];
      return { name, engine, model, changed: false, dryRun, steps: plan };
    }
    const { restart } = await import("../../run/restart.ts");
    const result = await restart(context, resolved);
    return { ...result, keyFile: keyFileOf(context.host, resolved, result) };
  },
  text: describeUp,
  hints: upHints,
});
