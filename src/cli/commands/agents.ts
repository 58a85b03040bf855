import { defineCommand } from "../command.ts";
import { renderTable } from "../output/table.ts";

export const command = defineCommand({
  args: [],
  flags: {},
  settings: [],
  examples: [
    { command: "stack agents", what: "Which agents can be configured, and what they need." },
  ],
  run: async () => {
    const { listAgents } = await import("../../run/agent-config.ts");
    return { agents: listAgents() };
  },
  text: ({ agents }, { columns }) =>
    renderTable(
      ["NAME", "CONTEXT", "TOOLS", "WHAT"],
      agents.map((each) => [
        each.name,
        each.minimumContext === 0 ? "any" : `≥ ${each.minimumContext}`,
        each.needsTools ? "yes" : "no",
        each.summary,
      ]),
      columns,
    ),
  hints: (_, { stack }) => [`Configure one: ${stack} config <name> --write`],
});
