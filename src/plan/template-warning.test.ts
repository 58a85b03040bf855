import { expect, test } from "vitest";
import type { ModelFacts } from "../models/model.ts";
import { templateWarnings } from "./template-warning.ts";

const bare: ModelFacts = { architecture: "llama", templateHasTools: false, hasChatTemplate: false };

test.each<[string, string, ModelFacts, number]>([
  ["a model without a template", "file:/m.gguf", bare, 1],
  ["one with a template", "file:/m.gguf", { ...bare, hasChatTemplate: true }, 0],
  ["one of a family whose template is known", "hf:a/b", { ...bare, chatFamily: "gemma" }, 0],
  ["one of Ollama's registry", "ollama:x:1b", bare, 0],
])("%s", (_title, reference, facts, warnings) => {
  expect(templateWarnings({ reference, facts })).toHaveLength(warnings);
});
