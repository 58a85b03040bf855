import type { StoredModel } from "../../models/model.ts";
import { defineCommand } from "../command.ts";
import { renderFields } from "../output/table.ts";
import { formatBytes } from "../../models/bytes.ts";

interface Report {
  readonly reference: string;
  readonly servedName: string;
  readonly changed: boolean;
  readonly dryRun: boolean;
  /** Absent for a dry run that would fetch it. */
  readonly model?: StoredModel;
}

export const command = defineCommand({
  description:
    "A download that was cut off goes on where it stopped. Every byte is checked before the model can be seen. Where a source has both, a GGUF is taken; name an engine to get what that one reads.",
  args: [
    {
      name: "model",
      summary: "Reference, or a name of the catalog; else the model of the settings.",
      required: false,
      complete: "models",
      setting: "model",
    },
  ],
  flags: {},
  settings: ["model", "engine", "insecureRegistries", "offline", "ca"],
  streams: true,
  examples: [
    { command: "stack models pull smollm2:135m", what: "By its name in the catalog." },
    { command: "stack models pull hf:Qwen/Qwen3-4B-GGUF:Q4_K_M", what: "From Hugging Face." },
    { command: "stack models pull ollama:qwen3:4b", what: "From Ollama's registry." },
    {
      command: "stack models pull hf:Qwen/Qwen3-0.6B --engine vllm",
      what: "Safetensors with their tokenizer, as vLLM reads them.",
    },
  ],
  run: async ({ context, settings, dryRun }): Promise<Report> => {
    const { parseReference } = await import("../../models/reference.ts");
    const { openStore } = await import("../../models/store.ts");
    const { fetchOptions } = await import("../../run/fetch-options.ts");
    const { namedFormat } = await import("../../plan/named-format.ts");
    const resolved = await settings();
    const { values } = resolved;
    const reference = parseReference(values.model);
    const store = openStore(context);
    const format = namedFormat(resolved) ?? "any";
    const { stored, ...plan } = await store.plan(reference, format);
    if (stored !== undefined) return { ...plan, changed: false, dryRun, model: stored };
    if (dryRun) return { ...plan, changed: false, dryRun };
    const model = await store.ensure(reference, fetchOptions(values), format);
    return { ...plan, changed: true, dryRun, model };
  },
  text: ({ model, reference }) =>
    model === undefined
      ? `would: Fetch the model ${reference}`
      : renderFields([
          ["model", model.reference],
          ["served as", model.servedName],
          ["format", model.format],
          ["size", formatBytes(model.blobs.reduce((sum, blob) => sum + blob.bytes, 0))],
          ["digest", model.weights.digest],
          [
            "trained for",
            model.facts.trainedContext === undefined
              ? "not said"
              : `${model.facts.trainedContext} tokens`,
          ],
        ]),
  hints: ({ model, changed, servedName }) =>
    model !== undefined && !changed ? [`${servedName} was here already.`] : [],
});
