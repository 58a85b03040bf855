import { describe, expect, it } from "vitest";
import { forEachBounded } from "./bounded.ts";

describe("forEachBounded", () => {
  it("does everything, never more than the limit at a time", async () => {
    let now = 0;
    let most = 0;
    const done: number[] = [];
    await forEachBounded([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
      now += 1;
      most = Math.max(most, now);
      await Promise.resolve();
      now -= 1;
      done.push(item);
    });
    expect(most).toBe(3);
    expect(done.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it("starts nothing more after an error, and lets what runs end first", async () => {
    const begun: number[] = [];
    const ended: number[] = [];
    const work = forEachBounded([1, 2, 3, 4], 2, async (item) => {
      begun.push(item);
      if (item === 1) throw new Error("first");
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      ended.push(item);
    });
    await expect(work).rejects.toThrow("first");
    expect(begun).toEqual([1, 2]);
    expect(ended).toEqual([2]);
  });
});
