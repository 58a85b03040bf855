import { expect, it } from "vitest";
import { planHash } from "./hash.ts";

it("does not depend on the order of keys, and does on everything else", () => {
  const hash = planHash({ a: 1, b: { c: [1, 2], d: "x" } });
  expect(planHash({ b: { d: "x", c: [1, 2] }, a: 1 })).toBe(hash);
  for (const other of [
    { a: 2, b: { c: [1, 2], d: "x" } },
    { a: 1, b: { c: [2, 1], d: "x" } },
    { a: 1, b: { c: [1, 2] } },
  ]) {
    expect(planHash(other)).not.toBe(hash);
  }
});

it("is FNV-1a with 64 bits", () => {
  // JSON of an empty string is two quotes; the value is from the reference algorithm.
  let reference = 0xcbf29ce484222325n;
  for (const byte of [0x22, 0x22]) {
    reference = ((reference ^ BigInt(byte)) * 0x100000001b3n) % 2n ** 64n;
  }
  expect(planHash("")).toBe(reference.toString(16).padStart(16, "0"));
});
