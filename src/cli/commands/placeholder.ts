import { defineCommand } from "../command.ts";
export const command = defineCommand({
  args: [],
  flags: {},
  settings: [],
  examples: [{ command: "stack image ls", what: "" }],
  run: async () => ({}),
  text: () => "",
});
