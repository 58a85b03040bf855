import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { frame } from "../testing/fake-docker-state.ts";
import { logLines } from "./log-frames.ts";

function read(chunks: readonly Buffer[]): readonly string[] {
  const lines: string[] = [];
  const reader = logLines((line) => lines.push(line));
  for (const chunk of chunks) reader.push(chunk);
  reader.end();
  return lines;
}

describe("framed logs", () => {
  it.each([
    ["a line", [frame(1, "one\n")], ["one"]],
    ["a line in two frames", [frame(1, "o"), frame(1, "ne\n")], ["one"]],
    [
      "streams do not mix within a line",
      [frame(1, "o"), frame(2, "err\n"), frame(1, "ut\n")],
      ["err", "out"],
    ],
    ["a last line without an end", [frame(2, "panic")], ["panic"]],
    ["carriage returns", [frame(1, "a\r\nb\r\n")], ["a", "b"]],
    ["an empty frame", [frame(1, ""), frame(1, "x\n")], ["x"]],
    ["a header that is cut off", [frame(1, "x\n"), Buffer.from([1, 0, 0])], ["x"]],
  ])("%s", (_, chunks, expected) => {
    expect(read(chunks)).toEqual(expected);
  });

  it("are the same however the bytes are cut", () => {
    const bytes = Buffer.concat([
      frame(1, "erste Zeile ✓\n"),
      frame(2, "zwei\nteile"),
      frame(1, "ende"),
    ]);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (sizes) => {
        const chunks: Buffer[] = [];
        for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
          const size = sizes[turn % sizes.length] ?? 1;
          chunks.push(bytes.subarray(at, at + size));
          at += size;
        }
        expect(read(chunks)).toEqual(read([bytes]));
      }),
    );
  });
});
