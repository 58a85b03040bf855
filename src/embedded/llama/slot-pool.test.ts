import { describe, expect, it } from "vitest";
import { ApiError } from "../openai/api-error.ts";
import { type SlotPool, slotPool } from "./slot-pool.ts";

/** Slots are named and hold the tokens of the text given. */
function pool(held: Readonly<Record<string, string>>, bound = 2): SlotPool<string> {
  return slotPool(Object.keys(held), bound, (name, tokens) => {
    const own = tokensOf(held[name] ?? "");
    let common = 0;
    while (common < own.length && own[common] === tokens[common]) common += 1;
    return { common, held: own.length };
  });
}
const tokensOf = (text: string): number[] => Array.from(text, (char) => char.codePointAt(0) ?? 0);
const never = new AbortController().signal;

describe("slotPool", () => {
  it.each([
    ["the longest common beginning", { a: "sys one", b: "sys two" }, "sys two more", "b"],
    ["an empty one rather than destroy a conversation", { a: "s-long-talk", b: "" }, "s-x", "b"],
    ["any when nothing is common", { a: "", b: "" }, "x", "a"],
  ])("chooses %s", async (_title, held, prompt, expected) => {
    const slot = await pool(held).acquire(tokensOf(prompt), never);
    expect(slot.value).toBe(expected);
  });

  it("chooses the one unused for longest when all hold other conversations", async () => {
    const slots = pool({ a: "aaaa", b: "bbbb" });
    const [first, second] = [
      await slots.acquire(tokensOf("bbbb"), never),
      await slots.acquire(tokensOf("aaaa"), never),
    ];
    slots.release(second);
    slots.release(first);
    expect((await slots.acquire(tokensOf("x"), never)).value).toBe("b");
  });

  it("serves those who wait in their order", async () => {
    const slots = pool({ a: "" });
    const order: string[] = [];
    const first = await slots.acquire([], never);
    const waiting = ["one", "two"].map(async (name) => {
      const slot = await slots.acquire([], never);
      order.push(name);
      slots.release(slot);
    });
    expect([slots.active, slots.waiting]).toEqual([1, 2]);
    slots.release(first);
    await Promise.all(waiting);
    expect(order).toEqual(["one", "two"]);
    expect([slots.active, slots.waiting]).toEqual([0, 0]);
  });

  it("refuses beyond the bound, with a time to come back", async () => {
    const slots = pool({ a: "" }, 0);
    await slots.acquire([], never);
    const refusal = await slots.acquire([], never).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(ApiError);
    expect(refusal).toMatchObject({ status: 503, code: "queue_full" });
    expect((refusal as ApiError).headers["retry-after"]).toMatch(/^\d+$/);
  });

  it("forgets who leaves the queue", async () => {
    const slots = pool({ a: "" });
    const first = await slots.acquire([], never);
    const leaver = new AbortController();
    const left = slots.acquire([], leaver.signal);
    const stays = slots.acquire([], never);
    leaver.abort(new Error("left"));
    await expect(left).rejects.toThrow("left");
    slots.release(first);
    expect((await stays).value).toBe("a");
  });

  it("gives nothing to who has left already", async () => {
    const slots = pool({ a: "" });
    await expect(slots.acquire([], AbortSignal.abort(new Error("left")))).rejects.toThrow("left");
    expect(slots.active).toBe(0);
  });
});
