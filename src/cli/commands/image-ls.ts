import { formatBytes } from "../../models/bytes.ts";
import { defineCommand } from "../command.ts";
import { renderTable } from "../output/table.ts";

interface Report {
  readonly images: readonly {
    readonly name: string;
    readonly tag: string;
    readonly summary: string;
    /** Undefined where no container daemon answers. */
    readonly present?: boolean;
    readonly bytes?: number;
  }[];
}

export const command = defineCommand({
  args: [],
  flags: {},
  settings: [],
  examples: [{ command: "stack image ls", what: "What can be built, and what is here." }],
  run: async ({ context }): Promise<Report> => {
    const { RECIPES } = await import("../../docker/image-build.ts");
    const { reachableRuntime } = await import("../../run/clear-stack.ts");
    const runtime = await reachableRuntime(context);
    const images = await Promise.all(
      Object.entries(RECIPES).map(async ([name, { tag, summary }]) => {
        if (runtime === undefined) return { name, tag, summary };
        const found = await runtime.images.inspect(tag, context.signal);
        const present = found !== undefined;
        return { name, tag, summary, present, ...(present ? { bytes: found.bytes } : {}) };
      }),
    );
    return { images };
  },
  text: ({ images }, { columns }) =>
    renderTable(
      ["NAME", "TAG", "HERE", "SIZE", "WHAT"],
      images.map(({ name, tag, summary, present, bytes }) => [
        name,
        tag,
        present === undefined ? "?" : present ? "yes" : "no",
        bytes === undefined ? "-" : formatBytes(bytes),
        summary,
      ]),
      columns,
    ),
  hints: ({ images }) =>
    images.some(({ present }) => present === undefined) ? ["No container daemon answers."] : [],
});
