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
    const { askDocker } = await import("../../run/ask-docker.ts");
    const recipes = Object.entries(RECIPES).map(([name, recipe]) => ({ name, ...recipe }));
    const found = await askDocker(context, [], undefined, async (runtime, signal) =>
      Promise.all(recipes.map(async ({ tag }) => runtime.images.inspect(tag, signal))),
    );
    const images = recipes.map(({ name, tag, summary }, place) => {
      if (found === undefined) return { name, tag, summary };
      const image = found[place];
      return {
        name,
        tag,
        summary,
        present: image !== undefined,
        ...(image === undefined ? {} : { bytes: image.bytes }),
      };
    });
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
    images.some(({ present }) => present === undefined)
      ? ["No container daemon says which are here."]
      : [],
});
