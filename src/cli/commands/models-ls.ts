import type { CatalogEntry } from "../../models/catalog.ts";
import { READERS } from "../../models/formats.ts";
import type { ModelFormat, StoredModel } from "../../models/model.ts";
import { defineCommand, type Look } from "../command.ts";
import { renderTable } from "../output/table.ts";
import { formatBytes } from "../../models/bytes.ts";

/** With the engines that read it and let tools reach it. */
type ListedModel = StoredModel & { readonly toolsWith: readonly string[] };

type Report =
  | {
      readonly models: readonly ListedModel[];
      /** Paths of records that this version can't read; absent where there are none. */
      readonly unread?: readonly string[];
    }
  | { readonly catalog: readonly CatalogEntry[] };

export const command = defineCommand({
  description:
    "TOOLS names the engines with which requests with tools reach the model: `yes` is all that read its format.",
  args: [],
  flags: {
    catalog: { kind: "boolean", summary: "List the models that have a short name instead." },
  },
  settings: [],
  examples: [
    { command: "stack models ls", what: "What is in the store." },
    { command: "stack models ls --catalog", what: "What has a short name." },
  ],
  run: async ({ context, flags }): Promise<Report> => {
    if (flags.catalog === true) {
      const { CATALOG } = await import("../../models/catalog.ts");
      return { catalog: CATALOG };
    }
    const { openStore } = await import("../../models/store.ts");
    const { enginesWithTools } = await import("../../engines/engines-with-tools.ts");
    const store = openStore(context);
    const [models, unread] = await Promise.all([store.list(), store.unread()]);
    return {
      models: models.map((model) => ({ ...model, toolsWith: enginesWithTools(model) })),
      ...(unread.length === 0 ? {} : { unread }),
    };
  },
  text: (report, look) =>
    "catalog" in report ? catalogText(report.catalog, look) : storeText(report.models, look),
  hints: (report, { stack }) =>
    "models" in report && report.models.length === 0 && report.unread === undefined
      ? [`The store is empty. Fetch one: ${stack} models pull smollm2:135m`]
      : [],
});

function storeText(models: readonly ListedModel[], { columns }: Look): string {
  if (models.length === 0) return "";
  return renderTable(
    ["REFERENCE", "SERVED AS", "FORMAT", "SIZE", "QUANT", "CONTEXT", "TOOLS", "FETCHED"],
    models.map(({ reference, servedName, format, blobs, facts, toolsWith, fetchedAt }) => [
      reference,
      servedName,
      format,
      formatBytes(blobs.reduce((sum, blob) => sum + blob.bytes, 0)),
      facts.quantisation ?? "-",
      facts.trainedContext === undefined ? "-" : String(facts.trainedContext),
      toolsText(format, toolsWith),
      fetchedAt.slice(0, 10),
    ]),
    columns,
  );
}

/** `yes` for every engine that reads the format, else their names. */
function toolsText(format: ModelFormat, engines: readonly string[]): string {
  if (engines.length === 0) return "no";
  return engines.length === READERS[format].length ? "yes" : engines.join(", ");
}

/** What it is good for, and where not all engines can load it, which can. */
function goodFor({ label, format = "gguf", engines = READERS[format] }: CatalogEntry): string {
  return engines === READERS.gguf ? label : `${label}; for ${engines.join(", ")} only`;
}

function catalogText(catalog: readonly CatalogEntry[], { columns }: Look): string {
  return renderTable(
    ["NAME", "CONTEXT", "AGENTS", "LICENSE", "WHAT", "REFERENCE"],
    catalog.map((entry) => [
      entry.name,
      entry.context === undefined ? "-" : String(entry.context),
      entry.agent ? "yes" : "no",
      entry.license,
      goodFor(entry),
      entry.reference,
    ]),
    columns,
  );
}
