import { expect, it } from "vitest";
import type { ModelFacts, StoredModel } from "../models/model.ts";
import { enginesWithTools } from "./engines-with-tools.ts";

const TOOLS = { hasChatTemplate: true, templateHasTools: true } as const;
const PLAIN = { hasChatTemplate: true, templateHasTools: false } as const;
const BARE = { hasChatTemplate: false, templateHasTools: false } as const;
const OURS = { ...PLAIN, chatFamily: "chatml" } as const;

it.each([
  ["safetensors", "a template with tools", TOOLS, undefined, ["sglang", "vllm"]],
  ["safetensors", "a template that ours takes the place of", OURS, undefined, ["vllm"]],
  ["safetensors", "a template without tools", PLAIN, undefined, []],
  ["safetensors", "no template", BARE, undefined, []],
  ["gguf", "a template with tools", TOOLS, true, ["embedded", "llamacpp", "ollama"]],
  ["gguf", "one with tools that Ollama can't read", TOOLS, false, ["embedded", "llamacpp"]],
  ["gguf", "one that ours takes the place of", OURS, true, ["embedded", "llamacpp", "ollama"]],
  ["gguf", "no template", BARE, false, ["embedded"]],
] as const)("of a model in %s with %s: %4$s", (format, _title, facts, ollamaTools, expected) => {
  const model = {
    format,
    facts: { architecture: "llama", ...facts } satisfies ModelFacts,
    ...(ollamaTools === undefined ? {} : { ollamaTools }),
  } as unknown as StoredModel;
  expect(enginesWithTools(model)).toEqual(expected);
});
