import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { lineBuffer } from "./log-frames.ts";
import { advance, emptyPull, lineError, parseProgressLine, pullBytes } from "./pull-lines.ts";

const sum = (...lines: readonly object[]): { bytes: number; total: number } => {
  let state = emptyPull;
  for (const each of lines) {
    const line = parseProgressLine(JSON.stringify(each));
    if (line !== undefined) state = advance(state, line);
  }
  return pullBytes(state);
};
const loading = (id: string, current: number, total: number): object => ({
  id,
  status: "Downloading",
  progressDetail: { current, total },
});

describe("bytes over all layers", () => {
  it.each([
    ["nothing yet", [], { bytes: 0, total: 0 }],
    ["one layer", [loading("a", 3, 10)], { bytes: 3, total: 10 }],
    ["two layers", [loading("a", 3, 10), loading("b", 1, 5)], { bytes: 4, total: 15 }],
    [
      "a retry does not run back",
      [loading("a", 9, 10), loading("a", 1, 10)],
      { bytes: 9, total: 10 },
    ],
    [
      "unpacking moves nothing",
      [
        loading("a", 9, 10),
        { id: "a", status: "Extracting", progressDetail: { current: 1, total: 10 } },
      ],
      { bytes: 9, total: 10 },
    ],
    [
      "complete",
      [loading("a", 9, 10), { id: "a", status: "Pull complete" }],
      { bytes: 10, total: 10 },
    ],
    [
      "a layer that was here already",
      [{ id: "a", status: "Already exists" }],
      { bytes: 0, total: 0 },
    ],
    ["lines without a layer", [{ status: "Digest: sha256:…" }], { bytes: 0, total: 0 }],
  ])("%s", (_, lines, expected) => {
    expect(sum(...lines)).toEqual(expected);
  });
});

describe("a line", () => {
  it.each([
    ["", undefined],
    ["not JSON", { stream: "not JSON" }],
    ["[1]", { stream: "[1]" }],
    ['{"id":3}', { stream: '{"id":3}' }],
  ])("%j", (raw, expected) => {
    expect(parseProgressLine(raw)).toEqual(expected);
  });

  it.each([
    [{ error: "short", errorDetail: { message: "long" } }, "long"],
    [{ error: "short" }, "short"],
    [{ status: "fine" }, undefined],
  ])("%o carries the error %s", (line, expected) => {
    expect(lineError(line)).toBe(expected);
  });

  it("never throws, whatever comes", () => {
    fc.assert(
      fc.property(fc.string(), (raw) => {
        const { bytes, total } = pullBytes(advance(emptyPull, parseProgressLine(raw) ?? {}));
        expect(bytes).toBeLessThanOrEqual(total);
      }),
    );
  });
});

describe("lines from bytes", () => {
  it("are the same however the bytes are cut", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: "grapheme" }).map((text) => text.replaceAll(/[\r\n]/g, " "))),
        fc.array(fc.nat(40)),
        (texts, cuts) => {
          const bytes = Buffer.from(texts.map((text) => `${text}\n`).join(""));
          const got: string[] = [];
          const buffer = lineBuffer((line) => got.push(line));
          let at = 0;
          for (const cut of cuts) {
            buffer.push(bytes.subarray(at, at + cut));
            at += cut;
          }
          buffer.push(bytes.subarray(at));
          buffer.end();
          expect(got).toEqual(texts);
        },
      ),
    );
  });
});
