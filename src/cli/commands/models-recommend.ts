import { formatBytes } from "../../models/bytes.ts";
import type { Recommendation } from "../../plan/fit/recommend.ts";
import type { RecommendedModels } from "../../run/recommend-models.ts";
import { defineCommand } from "../command.ts";
import { renderTable } from "../output/table.ts";

const FITS: Readonly<Record<Recommendation["room"], string>> = {
  ample: "yes",
  tight: "barely",
  split: "partly on the GPU",
  none: "no",
};

export const command = defineCommand({
  description:
    "Which models of the catalog the free memory of this machine holds, for agents first (`short`: tools, and too little context for more than a first request or two); for engines that use GPUs, that of NVIDIA's and AMD's cards too. Sizes are those of the file, or computed as `--json` says in `basis`.",
  args: [],
  flags: {},
  settings: ["engine", "gpu"],
  examples: [
    { command: "stack models recommend", what: "For the embedded engine." },
    { command: "stack models recommend --engine llamacpp --json", what: "With sources." },
  ],
  run: async ({ context, settings }): Promise<RecommendedModels> => {
    const { recommendModels } = await import("../../run/recommend-models.ts");
    return recommendModels(context, (await settings()).values);
  },
  text: ({ models }, { columns }) =>
    renderTable(
      ["NAME", "FITS", "AGENTS", "WEIGHTS", "CONTEXT", "IN ALL", "WHAT"],
      models.map(({ name, room, agent, bytes, context, totalBytes, label }) => [
        name,
        FITS[room],
        agent,
        formatBytes(bytes),
        context === undefined ? "-" : String(context),
        totalBytes === undefined ? "-" : formatBytes(totalBytes),
        label,
      ]),
      columns,
    ),
  hints: (report, { stack }) => [
    counted(report),
    `Take one: ${stack} up ${report.engine} --model NAME --context auto`,
  ],
});

/** Which memory the list is of. */
function counted({
  engine,
  gpusCounted,
  hostFreeBytes,
  deviceFreeBytes,
}: RecommendedModels): string {
  const free = `${formatBytes(hostFreeBytes)} of memory are free`;
  if (!gpusCounted) return `${free}; ${engine} computes on the processor, so no GPU was counted.`;
  return deviceFreeBytes === undefined
    ? `${free}; no GPU that ${engine} would get says what it has free.`
    : `${formatBytes(deviceFreeBytes)} are free on the GPU, and ${free} beside it.`;
}
