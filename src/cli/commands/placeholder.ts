import { defineCommand } from "../command.ts";
export const command = defineCommand({
  args: [],
  flags: {},
  settings: [],
  examples: [],
  run: async () => ({}),
  text: () => "",
});
