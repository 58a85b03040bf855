import { settingsJsonSchema } from "../../plan/settings-json-schema.ts";
import { decisionsPage } from "./decisions.ts";
import { troubleshootingPage } from "./troubleshooting.ts";

/** Files below `docs/` that are made from code: name, and how. `pnpm run docs` writes them, a test holds them equal. */
export const PAGES: Readonly<Record<string, () => string | Promise<string>>> = {
  // First: the flags of all commands are read from it.
  "stack.schema.json": () => `${JSON.stringify(settingsJsonSchema(), undefined, 2)}\n`,
  "troubleshooting.md": troubleshootingPage,
  "adr/README.md": decisionsPage,
  "commands.md": async () => (await import("./commands.ts")).commandsPage(),
};
