import { appendFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { testHost } from "../testing/test-host.ts";
import { followFile } from "./follow-file.ts";
import { lastLines } from "./last-lines.ts";

it("reads the last lines of a file, and none of one that is not there", async () => {
  await using test = await testHost();
  const file = join(test.home, "log");
  expect(await lastLines(file, 3)).toEqual([]);
  await writeFile(file, "a\nb\nc\nd\n");
  expect(await lastLines(file, 3)).toEqual(["b", "c", "d"]);
  expect(await lastLines(file, 9)).toEqual(["a", "b", "c", "d"]);
});

it("reads the end of a large file, never half a line", async () => {
  await using test = await testHost();
  const file = join(test.home, "log");
  const line = (index: number): string => `${index} ${"x".repeat(90)}`;
  await writeFile(file, Array.from({ length: 10_000 }, (_, index) => `${line(index)}\n`).join(""));
  const lines = await lastLines(file, 100_000);
  expect(lines.length).toBeGreaterThan(1000);
  expect(lines[0]).toMatch(/^\d+ x{90}$/);
  expect(lines.at(-1)).toBe(line(9999));
});

it("follows a file that grows, is cut into pieces, and begins anew", async () => {
  await using test = await testHost();
  const file = join(test.home, "log");
  await writeFile(file, "old\n");
  const lines: string[] = [];
  const seen = Promise.withResolvers<void>();
  // The pause between two looks is when the file grows: no timing is assumed.
  let looks = 0;
  const script = ["new ", "line\n", undefined, "again\n"];
  const host = {
    ...test.host,
    clock: {
      ...test.host.clock,
      sleep: async () => {
        test.abort.signal.throwIfAborted();
        if (looks < script.length) {
          const text = script[looks];
          await (text === undefined ? writeFile(file, "x\n") : appendFile(file, text));
        }
        looks += 1;
      },
    },
  };
  const following = followFile({ ...test.context, host }, file, (line) => {
    lines.push(line);
    if (lines.length === 3) seen.resolve();
  });
  await Promise.race([seen.promise, following]);
  test.abort.abort(new Error("enough"));
  await expect(following).rejects.toThrow("enough");
  expect(lines).toEqual(["new line", "x", "again"]);
});
