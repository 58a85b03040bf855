import type { RemovedModel } from "../../models/store.ts";
import { StackError } from "../../errors.ts";
import { defineCommand } from "../command.ts";
import { formatBytes } from "../../models/bytes.ts";

interface Report {
  readonly dryRun: boolean;
  readonly removed: readonly RemovedModel[];
}

export const command = defineCommand({
  description:
    "Bytes that another model uses too stay. What is here as GGUF and as safetensors goes in both forms, unless an engine is named: then in the form that this one reads.",
  args: [
    {
      name: "model",
      summary: "Reference, or a name of the catalog.",
      required: true,
      variadic: true,
      complete: "models",
    },
  ],
  flags: {},
  settings: ["engine"],
  examples: [{ command: "stack models rm smollm2:135m", what: "Remove one." }],
  run: async ({ context, args, settings, dryRun }): Promise<Report> => {
    const { parseReference } = await import("../../models/reference.ts");
    const { openStore } = await import("../../models/store.ts");
    const { namedFormat } = await import("../../plan/named-format.ts");
    const store = openStore(context);
    const only = namedFormat(await settings());
    const references = args.map((text) => ({ text, reference: parseReference(text) }));
    // All are looked up before the first is removed: a typo in the second leaves the first alone.
    // By record, not by `find`: a model whose files are damaged must be removable too.
    const records = await store.list();
    const found = await Promise.all(
      references.map(async ({ text, reference }) => {
        const { reference: canonical } = await store.plan(reference);
        const stored = records.filter(
          ({ reference, format }) => reference === canonical && (only ?? format) === format,
        );
        if (stored.length > 0) return stored.map((model) => ({ reference, model }));
        throw new StackError("MODEL_UNKNOWN", {
          what: `The model ${text} is not in the store${only === undefined ? "" : ` as ${only}`}.`,
          next: "stack models ls",
        });
      }),
    );
    const { refuseUsed } = await import("../../run/model-users.ts");
    await refuseUsed(
      context,
      found.flat().map(({ model }) => model),
    );
    if (dryRun) {
      const removed = found.flat().map(({ model: { reference, format, servedName, blobs } }) => ({
        reference,
        format,
        servedName,
        freedBytes: blobs.reduce((sum, blob) => sum + blob.bytes, 0),
      }));
      return { dryRun, removed };
    }
    const removed: RemovedModel[] = [];
    for (const { reference, model } of found.flat()) {
      removed.push(await store.remove(reference, model.format));
    }
    return { dryRun, removed };
  },
  text: () => "",
  hints: ({ removed, dryRun }) =>
    removed.map(({ reference, format, freedBytes }) =>
      dryRun
        ? `would remove ${reference} (${format}, up to ${formatBytes(freedBytes)})`
        : `Removed ${reference} (${format}): ${formatBytes(freedBytes)} given back.`,
    ),
});
