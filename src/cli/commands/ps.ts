import type { PsRow } from "../../run/ps.ts";
import { defineCommand } from "../command.ts";
import { renderTable } from "../output/table.ts";

export const command = defineCommand({
  args: [],
  flags: { all: { kind: "boolean", short: "a", summary: "List stopped ones too." } },
  settings: [],
  examples: [
    { command: "stack ps", what: "What runs." },
    { command: "stack ps --json", what: "The same for programs." },
  ],
  run: async ({ context, flags }): Promise<{ readonly stacks: readonly PsRow[] }> => {
    const { ps } = await import("../../run/ps.ts");
    return { stacks: await ps(context, { all: flags.all === true }) };
  },
  text: ({ stacks }, { columns }) =>
    stacks.length === 0
      ? ""
      : renderTable(
          ["NAME", "STATE", "ENGINE", "MODEL", "CONTEXT", "ENDPOINT"],
          stacks.map((row) => [
            row.name,
            row.state,
            row.engine,
            row.model ?? "-",
            row.contextWindow === undefined ? "-" : String(row.contextWindow),
            row.apiBase ?? "-",
          ]),
          columns,
        ),
  hints: ({ stacks }, { stack }) =>
    stacks.length === 0 ? [`No stack runs here. Start one: ${stack} up`] : [],
});
