import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { renderEnvironment } from "./shell.ts";

/** No program can hold NUL in its environment; a lone surrogate is no text. */
const value = fc.string({ unit: "binary" }).filter((text) => !text.includes("\0"));

const has = (program: string): boolean => {
  try {
    execFileSync(program, ["-c", "exit 0"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};

const evaluate = (shell: string, text: string, print: string): string =>
  execFileSync(shell, ["-c", `${text}${print}`], {
    env: {},
    encoding: "utf8",
    // bash takes a socket on stdin for a remote login and reads its start-up file.
    stdio: ["ignore", "pipe", "inherit"],
  });

describe("renderEnvironment", () => {
  it.each(["/bin/sh", "bash", "zsh", "ksh"].filter(has))("means the same to %s", (shell) => {
    fc.assert(
      fc.property(value, (text) => {
        const script = renderEnvironment({ A_B: text }, "sh");
        expect(evaluate(shell, script, 'printf "%s." "$A_B"')).toBe(`${text}.`);
      }),
      { numRuns: 100, examples: [["it's"], ["$HOME `id` \\ \" \n'"], ["-n"], ["é€😀"]] },
    );
  });

  it.skipIf(!has("fish"))("means the same to fish", () => {
    fc.assert(
      fc.property(value, (text) => {
        const script = renderEnvironment({ A_B: text }, "fish");
        expect(evaluate("fish", script, 'printf "%s." $A_B')).toBe(`${text}.`);
      }),
      { numRuns: 50, examples: [["it's \\ \\' $HOME"]] },
    );
  });

  it.each<["fish" | "powershell", string, string]>([
    ["fish", "a'b\\c$d", String.raw`set -gx K 'a\'b\\c$d'`],
    ["powershell", "a'b’c$d`e", "$env:K = 'a''b’’c$d`e'"],
  ])("quotes for %s", (shell, text, expected) => {
    expect(renderEnvironment({ K: text }, shell)).toBe(`${expected}\n`);
  });
});
