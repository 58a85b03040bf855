import { expect, it } from "vitest";
import { findInCatalog } from "../models/catalog.ts";
import { catalogModel } from "../plan/fit/catalog-model.ts";
import { settingsSchema } from "../plan/settings.ts";
import { stackFit } from "./stack-fit.ts";

const MIB = 2 ** 20;

const fit = (engine: string, kvType: string, reference = "file:/m"): unknown =>
  stackFit({
    settings: settingsSchema.parse({ kvType }),
    engine,
    reference,
    budget: { hostFreeBytes: 1 },
    kept: undefined,
  });

it("refuses a type of keys and values that the engine would take no notice of", () => {
  expect(() => fit("vllm", "q8_0")).toThrow("vllm does not keep keys and values as q8_0.");
  expect(() => fit("vllm", "f16")).not.toThrow();
  expect(() => fit("llamacpp", "q8_0")).not.toThrow();
});

it("refuses a file that is made for another engine before it is fetched", () => {
  const { reference } = findInCatalog("gpt-oss:20b")!;
  expect(() => fit("ollama", "f16", reference)).not.toThrow();
  for (const engine of ["embedded", "llamacpp"]) {
    expect(() => fit(engine, "f16", reference)).toThrow(
      `${engine} can't load the weights of gpt-oss:20b. They are for ollama alone;`,
    );
  }
});

it("refuses safetensors of the catalog for an engine that reads GGUF, and takes them for one that does", () => {
  const { reference } = findInCatalog("qwen3-8b:bf16")!;
  expect(() => fit("vllm", "f16", reference)).not.toThrow();
  expect(() => fit("llamacpp", "f16", reference)).toThrow("They are for sglang, vllm alone;");
});

// What docs/choosing-a-model.md has of models that are here.
it.each([
  ["gemma3:270m", 2048, 647],
  ["gemma3:270m", 32_768, 887],
  ["smollm2:135m", 8192, 382],
])("foresees for Ollama of %s with %i tokens what it says of the file", (name, context, mebi) => {
  const entry = findInCatalog(name)!;
  const { ofSize } = stackFit({
    settings: settingsSchema.parse({ context }),
    engine: "ollama",
    reference: entry.reference,
    budget: { hostFreeBytes: 2 ** 40 },
    kept: undefined,
  });
  expect(Math.round((ofSize(catalogModel(entry)).estimate?.total ?? 0) / MIB)).toBe(mebi);
});
