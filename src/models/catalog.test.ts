import { describe, expect, it } from "vitest";
import { CATALOG } from "./catalog.ts";
import { mayBe } from "./formats.ts";
import { formatReference, parseReference } from "./reference.ts";
import { preferredServedName } from "./served-name.ts";

describe.each(CATALOG)("catalog: $name", (entry) => {
  it("has a canonical reference, and is served by its own name", () => {
    const reference = parseReference(entry.reference);
    expect(formatReference(reference)).toBe(entry.reference);
    expect(parseReference(entry.name)).toEqual(reference);
    expect(preferredServedName(reference)).toBe(entry.name);
  });
  it("is of a kind that its format can come from", () => {
    expect(mayBe(parseReference(entry.reference), entry.format ?? "gguf")).toBe(true);
    if (entry.format === "safetensors") expect(entry.reference).toMatch(/^hf:[^:]+$/);
  });
  it("says where its facts are from", () => {
    expect(entry.source).toMatch(/^https:\/\//);
    if (entry.agent && entry.context !== undefined) {
      expect(entry.context).toBeGreaterThanOrEqual(32_768);
    }
  });
});

it("has each name once", () => {
  const names = CATALOG.flatMap(({ name, aliases }) => [name, ...aliases]);
  expect(new Set(names).size).toBe(names.length);
});

it.each([
  ["ollama:127.0.0.1:5000/library/smollm2:135m", "smollm2:135m"],
  ["ollama:me/x", "me/x:latest"],
  ["hf:bartowski/SmolLM2-135M-Instruct-GGUF:Q4_K_M", "smollm2-135m-instruct:q4_k_m"],
  ["hf:o/r:dir/File.Q8_0.gguf", "r:file.q8_0"],
  ["pypi:some-model==1.2", "some-model:1.2"],
  ["file:/a/Ünïcode model.gguf", "n-code-model:latest"],
  ["file:/a/….gguf", "model:latest"],
])("%s is served as %s", (reference, name) => {
  expect(preferredServedName(parseReference(reference))).toBe(name);
});
