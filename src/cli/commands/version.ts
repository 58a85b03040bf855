import { version as nodeVersion } from "node:process";
import { defineCommand } from "../command.ts";
import manifest from "../../../package.json" with { type: "json" };

export const command = defineCommand({
  args: [],
  flags: {},
  settings: [],
  examples: [{ command: "stack version --json", what: "With Node's version and the platform." }],
  run: async ({ context: { host } }) => ({
    version: manifest.version,
    node: nodeVersion.slice(1),
    platform: host.platform,
    arch: host.arch,
  }),
  text: ({ version }) => version,
});
