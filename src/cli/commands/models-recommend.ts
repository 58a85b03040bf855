import { formatBytes } from "../../models/bytes.ts";
import type { Recommendation } from "../../plan/fit/recommend.ts";
import { defineCommand } from "../command.ts";
import { renderTable } from "../output/table.ts";

interface Report {
  readonly engine: string;
  readonly hostFreeBytes: number;
  readonly models: readonly Recommendation[];
}

const FITS: Readonly<Record<Recommendation["room"], string>> = {
  ample: "yes",
  tight: "barely",
  split: "partly on the GPU",
  none: "no",
  unknown: "not known",
};

export const command = defineCommand({
  description:
    "Which models of the catalog the free memory of this machine holds, for agents first. Sizes are those of the file, or computed as `--json` says in `basis`; where nobody writes them, they are not known.",
  args: [],
  flags: {},
  settings: ["engine"],
  examples: [
    { command: "stack models recommend", what: "For the embedded engine." },
    { command: "stack models recommend --engine llamacpp --json", what: "With sources." },
  ],
  run: async ({ settings }): Promise<Report> => {
    const { CATALOG } = await import("../../models/catalog.ts");
    const { recommend } = await import("../../plan/fit/recommend.ts");
    const { processBudget } = await import("../../run/stack-fit.ts");
    const { engine } = (await settings()).values;
    const budget = await processBudget(undefined);
    return {
      engine,
      hostFreeBytes: budget.hostFreeBytes,
      models: recommend(CATALOG, engine, budget),
    };
  },
  text: ({ models }, { columns }) =>
    renderTable(
      ["NAME", "FITS", "AGENTS", "WEIGHTS", "CONTEXT", "IN ALL", "WHAT"],
      models.map(({ name, room, agent, bytes, context, totalBytes, label }) => [
        name,
        FITS[room],
        agent ? "yes" : "no",
        bytes === undefined ? "-" : formatBytes(bytes),
        context === undefined ? "-" : String(context),
        totalBytes === undefined ? "-" : formatBytes(totalBytes),
        label,
      ]),
      columns,
    ),
  hints: ({ hostFreeBytes }, { stack }) => [
    `${formatBytes(hostFreeBytes)} of memory are free. Take one: ${stack} up --model NAME --context auto`,
  ],
});
