import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { StackError } from "../../errors.ts";
import type { Edit } from "../agent.ts";
import { edited } from "./document.ts";
import { editYaml } from "./yaml.ts";

const set = (path: Edit["path"], value: unknown): Edit => ({ path, value });
const entry = (model: string) => ({ key: "model_name", equals: model });

describe("editYaml", () => {
  it.each<[string, string, Edit[], string]>([
    ["an empty text", "", [set(["a"], { b: 1 })], "a:\n  b: 1\n"],
    ["only comments", "# mine\n", [set(["a"], 1)], "# mine\na: 1\n"],
    ["a value", "a: 1 # one\nb: 2\n", [set(["a"], 3)], "a: 3 # one\nb: 2\n"],
    ["what it says already", "a:   1\n", [set(["a"], 1)], "a:   1\n"],
    ["a quoted value", 'a: "x"\n', [set(["a"], "y")], 'a: "y"\n'],
    [
      "a new key beside others",
      "a:\n    b: 1\n\n# end\n",
      [set(["a", "c"], 2)],
      "a:\n    b: 1\n    c: 2\n\n# end\n",
    ],
    ["a key without a value", "a:\nb: 1\n", [set(["a", "c"], 2)], "a:\n  c: 2\nb: 1\n"],
    ["a block scalar", "a: |\n  x\n  y\nb: 1\n", [set(["a"], "z")], 'a: "z"\nb: 1\n'],
    ["a list by a value", "a:\n  - 1\nb: 1\n", [set(["a"], false)], "a:\n  false\nb: 1\n"],
    ["brackets", "a: {x: 1}\n", [set(["a", "y"], "z")], 'a: {x: 1, y: "z"}\n'],
    ["no final newline", "a: 1", [set(["b"], 2)], "a: 1\nb: 2"],
    [
      "CRLF",
      "a: 1\r\nb:\r\n  c: 1\r\n",
      [set(["b", "d"], 2)],
      "a: 1\r\nb:\r\n  c: 1\r\n  d: 2\r\n",
    ],
    [
      "a list element that is there",
      "model_list:\n- model_name: M # mine\n  litellm_params:\n    api_base: old\n    rpm: 5\n- model_name: N\n",
      [set(["model_list", entry("M")], { litellm_params: { api_base: "http://127.0.0.1:1/v1" } })],
      "model_list:\n- model_name: M # mine\n  litellm_params:\n    api_base: http://127.0.0.1:1/v1\n    rpm: 5\n- model_name: N\n",
    ],
    [
      "a list element that is not",
      "model_list:\n  # theirs\n  - model_name: N\n    x: 1\n\nother: 1\n",
      [set(["model_list", entry("M")], { x: 2 })],
      "model_list:\n  # theirs\n  - model_name: N\n    x: 1\n  - model_name: M\n    x: 2\n\nother: 1\n",
    ],
    [
      "an empty list",
      "model_list: []\n",
      [set(["model_list", entry("M")], { x: 2 })],
      'model_list: [{model_name: "M", x: 2}]\n',
    ],
  ])("sets %s and leaves the rest as it is", (_, text, edits, expected) => {
    expect(editYaml(text, edits)).toBe(expected);
    expect(editYaml(expected, edits)).toBe(expected);
  });

  it.each<[string, string, string]>([
    ["a bad indent", "a: 1\nb:\n  c: 1\n d: 2\n", "line 4, column 1"],
    ["a key twice", "a: 1\na: 2\n", "line 2, column 1"],
    ["a list", "- 1\n", "line 1, column 1"],
  ])("names the place of %s", (_, text, place) => {
    expect(() => editYaml(text, [set(["a"], 1)])).toThrow(place);
  });

  it.each<[string, string]>([
    ["an alias", "x: &x {k: 1}\na: *x\n"],
    ["a tag", "a: !!str 1\n"],
  ])("refuses %s rather than guess", (_, text) => {
    expect(() => editYaml(text, [set(["a", "k"], 2), set(["a"], 5)])).toThrow(StackError);
  });

  const key = fc.stringMatching(/^[a-z_]{1,6}$/);
  const scalar = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null));
  const tree = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      scalar,
      tie("object"),
      fc.array(tie("value"), { maxLength: 3 }),
    ),
    object: fc.dictionary(key, tie("value"), { maxKeys: 4, noNullPrototype: true }),
  }));
  const edits = fc.array(
    fc.record({ path: fc.array(key, { minLength: 1, maxLength: 3 }), value: tree.value }),
    { minLength: 1, maxLength: 3 },
  );
  const style = fc.record({
    indent: fc.constantFrom(1, 2, 4),
    indentSeq: fc.boolean(),
    collectionStyle: fc.constantFrom("any" as const, "flow" as const),
    lineWidth: fc.constant(0),
  });

  it("says after an edit what the edit says, and nothing else has changed", () => {
    fc.assert(
      fc.property(tree.object, edits, style, fc.boolean(), (before, changes, options, crlf) => {
        const lf = stringify(before, options);
        const text = crlf && !/[|>]/.test(lf) ? lf.replaceAll("\n", "\r\n") : lf;
        expect(parse(editYaml(text, changes))).toEqual(edited(parse(text), changes));
      }),
      { numRuns: 1000 },
    );
  });

  it("keeps every comment and the order of keys", () => {
    const plain = fc.dictionary(
      key,
      fc.oneof(
        fc.integer(),
        fc.dictionary(key, fc.integer(), { minKeys: 1, noNullPrototype: true }),
      ),
      { noNullPrototype: true, minKeys: 1 },
    );
    const change = fc.array(
      fc.tuple(key, fc.integer()).map(([name, value]) => set([name], value)),
      { maxLength: 4 },
    );
    fc.assert(
      fc.property(plain, change, (before, changes) => {
        const text = stringify(before)
          .split("\n")
          .map((line, index) => (/: ./.test(line) ? `${line} # ${index}` : line))
          .join("\n");
        // A map that is replaced as a whole takes the comments inside it along.
        const harmless = changes.filter(
          ({ path: [name] }) => typeof name === "string" && typeof before[name] !== "object",
        );
        const after = editYaml(text, harmless);
        expect(after.match(/#.*/g) ?? []).toEqual(text.match(/#.*/g) ?? []);
        const keys = Object.keys(before);
        expect(Object.keys(parse(after)).slice(0, keys.length)).toEqual(Object.keys(parse(text)));
      }),
      { numRuns: 300 },
    );
  });
});
