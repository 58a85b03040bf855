import type { DiskUse } from "../../models/store.ts";
import { defineCommand } from "../command.ts";
import { renderFields, renderTable } from "../output/table.ts";
import { formatBytes } from "../../models/bytes.ts";

interface Report extends DiskUse {
  /** Bytes that `--gc` gave back. */
  readonly freedBytes?: number;
}

export const command = defineCommand({
  args: [],
  flags: {
    gc: {
      kind: "boolean",
      summary: "Remove cut-off downloads that nobody works on, and bytes that no model uses.",
    },
  },
  settings: [],
  examples: [
    { command: "stack models df", what: "Who takes how much." },
    { command: "stack models df --gc", what: "Clear what is of no use." },
  ],
  run: async ({ context, flags, dryRun }): Promise<Report> => {
    const { openStore } = await import("../../models/store.ts");
    const store = openStore(context);
    if (flags.gc !== true || dryRun) return store.df();
    const { freedBytes } = await store.gc();
    return { ...(await store.df()), freedBytes };
  },
  text: (report, { columns }) => {
    const fields = renderFields([
      ["store", report.root],
      ["used", formatBytes(report.totalBytes)],
      ["cut-off downloads", formatBytes(report.partialBytes)],
      ["of no model", formatBytes(report.unusedBytes)],
      ["free", formatBytes(report.freeBytes)],
      ...(report.freedBytes === undefined
        ? []
        : ([["given back", formatBytes(report.freedBytes)]] as const)),
    ]);
    if (report.models.length === 0) return fields;
    const table = renderTable(
      ["MODEL", "FORMAT", "SIZE", "SHARED"],
      report.models.map((each) => [
        each.reference,
        each.format,
        formatBytes(each.bytes),
        formatBytes(each.sharedBytes),
      ]),
      columns,
    );
    return `${fields}\n\n${table}`;
  },
});
