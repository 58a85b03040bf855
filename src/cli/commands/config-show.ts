import type { ResolvedSettings, SettingKey } from "../../plan/settings.ts";
import { defineCommand } from "../command.ts";
import { renderTable } from "../output/table.ts";
import { ALL_SETTINGS } from "../setting-flags.ts";

interface Report {
  readonly settings: ResolvedSettings["values"];
  readonly origins: Readonly<Record<string, string>>;
  readonly withOrigins: boolean;
}

export const command = defineCommand({
  description:
    "A flag wins over a STACK_ variable, that over stack.yaml of the project (searched upward from here to the root of the checkout), that over config.yaml of the user, that over the default.",
  args: [],
  flags: {
    origin: { kind: "boolean", summary: "Say for each value where it comes from." },
  },
  settings: ALL_SETTINGS,
  examples: [
    { command: "stack config show", what: "As YAML: what a stack.yaml may hold." },
    { command: "stack config show --origin", what: "With the place of each value." },
  ],
  run: async ({ settings, flags }): Promise<Report> => {
    const { originText } = await import("../../plan/resolve-settings.ts");
    const { values, origins } = await settings();
    return {
      settings: values,
      origins: Object.fromEntries(
        Object.entries(origins).map(([key, origin]) => [key, originText(origin)]),
      ),
      withOrigins: flags.origin === true,
    };
  },
  json: ({ settings, origins, withOrigins }) =>
    withOrigins ? { settings, origins } : { settings },
  text: ({ settings, origins, withOrigins }, { columns }) => {
    const keys = ALL_SETTINGS_AND_ARGS.filter((key) => settings[key] !== undefined);
    if (!withOrigins) return keys.map((key) => `${key}: ${written(settings[key])}`).join("\n");
    return renderTable(
      ["SETTING", "VALUE", "FROM"],
      keys.map((key) => [key, written(settings[key]), origins[key] ?? ""]),
      columns,
    );
  },
});

const ALL_SETTINGS_AND_ARGS: readonly SettingKey[] = [...ALL_SETTINGS, "engineArgs"];

/** A value as YAML has it: plain where that is unmistakable, else JSON, which YAML contains. */
function written(value: unknown): string {
  if (
    typeof value === "string" &&
    /^[a-z/][\w./:@=+-]*$/i.test(value) &&
    !/^(true|false|null|yes|no|on|off)$/i.test(value) &&
    !value.endsWith(":")
  ) {
    return value;
  }
  return JSON.stringify(value);
}
