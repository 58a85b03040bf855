import { parseEnv } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Edit } from "../agent.ts";
import { editDotenv, parseDotenv } from "./dotenv.ts";

const set = (name: string, value: string): Edit => ({ path: [name], value });

describe("editDotenv", () => {
  it.each<[string, string, Edit[], string]>([
    ["an empty text", "", [set("A", "1")], "A=1\n"],
    ["a value", "# mine\nA=1 # one\nB=2\n", [set("A", "3")], "# mine\nA=3 # one\nB=2\n"],
    ["what it says already", "A = '1'\n", [set("A", "1")], "A = '1'\n"],
    ["an exported one", 'export A="x y"\n', [set("A", "z")], "export A=z\n"],
    ["the last of two, which is the one that counts", "A=1\nA=2\n", [set("A", "3")], "A=1\nA=3\n"],
    ["a new one after no final newline", "A=1", [set("B", "2")], "A=1\nB=2\n"],
    ["in CRLF", "A=1\r\n", [set("B", "2")], "A=1\r\nB=2\r\n"],
    ["an empty one", "A=\nB=2\n", [set("A", "1")], "A=1\nB=2\n"],
    ["nothing inside a quoted text", 'X="\nA=1\n"\n', [set("A", "2")], 'X="\nA=1\n"\nA=2\n'],
    ["a value with blanks", "", [set("A", "x # y")], "A='x # y'\n"],
  ])("sets %s and leaves the rest as it is", (_, text, edits, expected) => {
    expect(editDotenv(text, edits)).toBe(expected);
    expect(editDotenv(expected, edits)).toBe(expected);
  });

  it("names the place of a quote that is not closed", () => {
    expect(() => editDotenv('A=1\nB="x\n', [set("A", "2")])).toThrow("line 2, column 3");
  });

  const name = fc.stringMatching(/^[A-Z_]{1,6}$/);

  it("says after an edit what the edit says, and keeps the other lines", () => {
    const lines = fc.array(
      fc.oneof(
        fc
          .tuple(name, fc.stringMatching(/^[\w ./:#"'-]{0,8}$/))
          .map(([key, text]) => `${key}='${text.replaceAll("'", "")}'`),
        fc.stringMatching(/^# [\w ='"-]{0,10}$/),
        fc.constant(""),
      ),
    );
    fc.assert(
      fc.property(lines, name, fc.string(), (before, key, value) => {
        const text = before.map((line) => `${line}\n`).join("");
        const after = editDotenv(text, [set(key, value)]);
        expect(parseDotenv(after)).toEqual({ ...parseDotenv(text), [key]: value });
        const others = before.filter((line) => !line.startsWith(`${key}=`));
        expect(after.split("\n")).toEqual(expect.arrayContaining(others));
      }),
      { numRuns: 500 },
    );
  });

  it("is read by Node as it was meant", () => {
    const text = fc.stringMatching(/^[\w ./:#$@-]{1,12}$/);
    fc.assert(
      fc.property(name, text, (key, value) => {
        expect(parseEnv(editDotenv("", [set(key, value)]))).toEqual({ [key]: value });
      }),
    );
  });
});
