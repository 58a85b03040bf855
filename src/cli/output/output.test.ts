import { describe, expect, it, test } from "vitest";
import type { OutputStream, Terminal } from "../../host/terminal.ts";
import type { ErrorReport, Progress, StackEvent } from "../../events.ts";
import { formatDuration } from "./duration.ts";
import { jsonOutput } from "./json.ts";
import { createStyle, wantsColor } from "./style.ts";
import { printable, renderFields, renderTable } from "./table.ts";
import { textOutput } from "./text.ts";

interface Recorded extends OutputStream {
  readonly written: string[];
}

function stream(columns: number | undefined): Recorded {
  const written: string[] = [];
  return {
    isTty: columns !== undefined,
    columns: () => columns,
    write: (text) => written.push(text),
    written,
  };
}

function rig(columns: number | undefined, overrides: { quiet?: boolean; verbose?: boolean } = {}) {
  const out = stream(undefined);
  const err = stream(columns);
  const terminal: Terminal = { out, err, interactive: false, confirm: async () => undefined };
  let now = 0;
  const options = { terminal, quiet: false, verbose: false, ...overrides };
  return {
    text: textOutput({
      ...options,
      style: createStyle(false),
      now: () => (now += 1000),
      localise: (text) => text,
    }),
    json: (streams: boolean) => jsonOutput({ ...options, streams }),
    stdout: () => out.written.join(""),
    stderr: () => err.written.join(""),
  };
}

const progress = (bytes: number, totalBytes: number | undefined, done = false): Progress => ({
  type: "progress",
  id: "a",
  title: "smollm2",
  bytes,
  ...(totalBytes === undefined ? {} : { totalBytes }),
  done,
});
const report: ErrorReport = {
  code: "PORT_BUSY",
  exitCode: 5,
  what: "Port 80 is taken.",
  why: "Another program\nhas it.",
  detail: ["\u001b[31mpid 7\u001b[0m"],
  next: "stack up",
};
const events: readonly StackEvent[] = [
  { type: "step-started", id: "x", title: "Fetch" },
  { type: "step-done", id: "x", title: "Fetch", ms: 1234 },
  { type: "step-failed", id: "y", title: "Start", ms: 2000, why: "No memory." },
  { type: "debug", message: "small" },
  { type: "warning", message: "careful", next: "stack doctor" },
];

describe("text", () => {
  it("prints a line per 10 % where stderr is no terminal", () => {
    const { text, stderr, stdout } = rig(undefined);
    for (let bytes = 0; bytes <= 1000; bytes += 10) text.emit(progress(bytes, 1000));
    text.emit(progress(1000, 1000, true));
    const lines = stderr().trimEnd().split("\n");
    expect(lines.map((line) => /\d+ %/.exec(line)?.[0])).toEqual(
      [10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 100].map((percent) => `${percent} %`),
    );
    expect(stdout()).toBe("");
  });

  it("redraws one line on a terminal, never wider than it, and clears it at the end", () => {
    const { text, stderr } = rig(40);
    for (const bytes of [100, 500, 900]) text.emit(progress(bytes, 1000));
    text.result({ value: {}, text: "", hints: [] });
    expect(stderr()).not.toContain("\n");
    const drawn = stderr()
      .split("\r\u001b[K")
      .filter((line) => line !== "");
    expect(drawn).toHaveLength(3);
    expect(Math.max(...drawn.map((line) => line.length))).toBeLessThan(40);
    expect(stderr().endsWith("\r\u001b[K")).toBe(true);
  });

  it("keeps stdout for the result, and -q keeps stderr empty", () => {
    const loud = rig(undefined);
    const quiet = rig(undefined, { quiet: true });
    for (const { text } of [loud, quiet]) {
      for (const event of events) text.emit(event);
      text.result({ value: {}, text: "endpoint  x", hints: ["do this"] });
    }
    expect([loud.stdout(), quiet.stdout(), quiet.stderr()]).toEqual([
      "endpoint  x\n",
      "endpoint  x\n",
      "",
    ]);
    expect(loud.stderr()).toBe(
      "… Fetch\n✓ Fetch (1.2 s)\n✗ Start: No memory. (2.0 s)\nwarning: careful\n   next: stack doctor\ndo this\n",
    );
  });

  it("says what, why, evidence and next, and shows a stack trace with -v only", () => {
    const plain = rig(undefined);
    const verbose = rig(undefined, { verbose: true });
    plain.text.error(report, "Error\n    at x");
    verbose.text.error(report, "Error\n    at x");
    const expected =
      "error: Port 80 is taken. [PORT_BUSY]\n  why: Another program\n       has it.\n    pid 7\n next: stack up\n";
    expect([plain.stderr(), plain.stdout()]).toEqual([expected, ""]);
    expect(verbose.stderr()).toBe(`${expected}Error\n    at x\n`);
  });
});

describe("json", () => {
  it("is one object for short commands, with warnings beside it", () => {
    const { json, stdout, stderr } = rig(undefined);
    const output = json(false);
    for (const event of events) output.emit(event);
    output.result({ value: { stacks: [] }, text: "x", hints: ["y"] });
    expect(JSON.parse(stdout())).toEqual({ stacks: [] });
    expect(stderr()).toBe("warning: careful\n");
  });

  it("is a line per event for long ones, the result last", () => {
    const { json, stdout, stderr } = rig(undefined);
    const output = json(true);
    for (const event of events) output.emit(event);
    output.result({ value: { name: "x" }, text: "", hints: ["y"] });
    const lines = stdout()
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { type: string });
    expect(lines.map(({ type }) => type)).toEqual([
      "step-started",
      "step-done",
      "step-failed",
      "warning",
      "result",
    ]);
    expect(lines.at(-1)).toEqual({ type: "result", name: "x" });
    expect(stderr()).toBe("");
  });

  it("is an error object for both", () => {
    const { json, stdout } = rig(undefined);
    json(false).error(report, "trace");
    expect(JSON.parse(stdout())).toEqual({ type: "error", ...report });
  });
});

test("tables are aligned, cut at the width, and obey nothing that stands in a cell", () => {
  const rows = [
    ["a", "x\u001b]0;title\u0007y"],
    ["long", "a\nb"],
  ];
  expect(renderTable(["NAME", "V"], rows, undefined)).toBe("NAME  V\na     xy\nlong  a b");
  expect(renderTable(["NAME", "VALUE"], [["a", "1234567890"]], 10)).toBe("NAME  VAL…\na     123…");
  expect(
    renderFields([
      ["a", "1"],
      ["long", "2"],
    ]),
  ).toBe("a     1\nlong  2");
  expect(printable("a\u001b[2Jb\r\u0000c\n")).toBe("abc\n");
});

test.each([
  [0, "0.0 s"],
  [9_940, "9.9 s"],
  [9_960, "10 s"],
  [59_600, "1 min 0 s"],
  [3_725_000, "1 h 2 min"],
])("%d ms is %s", (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});

test.each([
  [undefined, {}, true, true],
  [undefined, {}, false, false],
  [undefined, { NO_COLOR: "1" }, true, false],
  [undefined, { NO_COLOR: "" }, true, true],
  [undefined, { TERM: "dumb" }, true, false],
  [undefined, { FORCE_COLOR: "1" }, false, true],
  [undefined, { FORCE_COLOR: "0" }, true, false],
  [false, { FORCE_COLOR: "1" }, true, false],
  [true, { NO_COLOR: "1" }, false, true],
])("colour: flag %s, %j, terminal %s → %s", (flag, env, isTty, expected) => {
  expect(wantsColor(flag, env, isTty)).toBe(expected);
});
