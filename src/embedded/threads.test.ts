import { describe, expect, it } from "vitest";
import { physicalCores } from "./threads.ts";

const processor = (physical: number, core: number): string =>
  `processor\t: 0\nphysical id\t: ${physical}\ncore id\t\t: ${core}\n`;

describe("physicalCores", () => {
  it.each([
    [
      "two threads on each of two cores",
      [processor(0, 0), processor(0, 1), processor(0, 0), processor(0, 1)],
      2,
    ],
    ["two sockets", [processor(0, 0), processor(1, 0)], 2],
    ["ARM, which names no cores", ["processor\t: 0\nBogoMIPS\t: 50\n"], undefined],
    ["no such file", [""], undefined],
  ])("%s", (_title, blocks, expected) => {
    expect(physicalCores(blocks.join("\n"))).toBe(expected);
  });
});
