import fc from "fast-check";
import { parse } from "jsonc-parser";
import { describe, expect, it } from "vitest";
import type { Edit } from "../agent.ts";
import { edited } from "./document.ts";
import { editJson } from "./json.ts";

const set = (path: Edit["path"], value: unknown): Edit => ({ path, value });

describe("editJson", () => {
  it.each<[string, string, Edit[], string]>([
    ["an empty text", "", [set(["a"], { b: 1 })], '{\n  "a": {\n    "b": 1\n  }\n}\n'],
    ["a value", '{"a":1, "b" : 2}', [set(["b"], 3)], '{"a":1, "b" : 3}'],
    ["what it says already", '{ "a":   [1,2] }', [set(["a"], [1, 2])], '{ "a":   [1,2] }'],
    [
      "a new key, in tabs",
      '{\n\t"a": 1 // one\n}\n',
      [set(["b"], true)],
      '{\n\t"a": 1, // one\n\t"b": true\n}\n',
    ],
    [
      "a nested key beside others, in CRLF",
      '{\r\n    "m": {\r\n        "x": 1\r\n    }\r\n}\r\n',
      [set(["m"], { y: 2 })],
      '{\r\n    "m": {\r\n        "x": 1,\r\n        "y": 2\r\n    }\r\n}\r\n',
    ],
    [
      "a new key after a trailing comma and a comment",
      '{\n  "a": {}, // one,\n  /* end */\n}',
      [set(["b"], { c: [1] })],
      '{\n  "a": {}, // one,\n  /* end */\n  "b": {\n    "c": [\n      1\n    ]\n  }\n}',
    ],
    ["below null", '{"a": null}', [set(["a", "b"], 1)], '{"a": {\n    "b": 1\n  }}'],
    ["after a byte order mark", '\uFEFF{"a": 1}', [set(["a"], 2)], '\uFEFF{"a": 2}'],
  ])("sets %s and leaves the rest as it is", (_, text, edits, expected) => {
    expect(editJson(text, edits)).toBe(expected);
    expect(editJson(expected, edits)).toBe(expected);
  });

  it.each<[string, string, string]>([
    ["a missing comma", '{\n  "a": 1\n  "b": 2\n}', "line 3, column 3: comma expected"],
    ["an open brace", '{\n  "a": 1\n', "line 3, column 1"],
    ["a list", "[1]", "line 1, column 1"],
    ["two values", "{} {}", "line 1, column 4"],
  ])("names the place of %s", (_, text, place) => {
    expect(() => editJson(text, [set(["a"], 1)])).toThrow(place);
  });

  it("refuses a key that is there twice, where an edit would have no effect", () => {
    expect(() => editJson('{"a": 1, "a": 2}', [set(["a"], 3)])).toThrow("twice");
  });

  const key = fc.stringMatching(/^[a-z_-]{1,6}$/);
  const tree = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null)),
      tie("object"),
      fc.array(tie("value"), { maxLength: 3 }),
    ),
    object: fc.dictionary(key, tie("value"), { maxKeys: 4, noNullPrototype: true }),
  }));
  const edits = fc.array(
    fc.record({ path: fc.array(key, { minLength: 1, maxLength: 3 }), value: tree.value }),
    { minLength: 1, maxLength: 3 },
  );

  it("says after an edit what the edit says, nothing else has changed, and comments stay", () => {
    fc.assert(
      fc.property(
        tree.object,
        edits,
        fc.constantFrom(undefined, 2, 4, "\t"),
        fc.constantFrom("\n", "\r\n"),
        (before, changes, indent, eol) => {
          const text = `// head\n${JSON.stringify(before, undefined, indent)}\n// foot`;
          const after = editJson(text.replaceAll("\n", eol), changes);
          expect(parse(after)).toEqual(edited(before, changes));
          expect(after.startsWith(`// head${eol}`)).toBe(true);
          expect(after.endsWith(`${eol}// foot`)).toBe(true);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
