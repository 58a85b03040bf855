import { expect, it } from "vitest";
import { CATALOG } from "../../models/catalog.ts";
import { recommend } from "./recommend.ts";

const GB = 1e9;
const GGUF = CATALOG.filter(({ format = "gguf" }) => format === "gguf");
const find = (name: string, hostFreeBytes: number) =>
  recommend(GGUF, "embedded", { hostFreeBytes }).find((each) => each.name === name);

it("puts models for agents that fit first, the largest on top, and what does not fit last", () => {
  const list = recommend(GGUF, "embedded", { hostFreeBytes: 16 * GB });
  expect(list[0]).toMatchObject({
    name: "qwen3:8b",
    agent: "yes",
    room: expect.stringMatching(/ample|tight/),
  });
  expect(list.at(-1)).toMatchObject({ room: "none" });
  const firstForNone = list.findIndex(({ room }) => room === "none");
  expect(list.slice(firstForNone).every(({ room }) => room === "none")).toBe(true);
});

it("says what a model is for agents by the context that fits: yes, short or no", () => {
  const list = Array.from({ length: 220 }, (_, step) =>
    find("qwen3-coder:30b", (18 + step / 10) * GB),
  ).filter((each) => each?.context !== undefined);
  const by = (from: number, to: number): readonly unknown[] => [
    ...new Set(
      list
        .filter((each) => (each?.context ?? 0) >= from && (each?.context ?? 0) < to)
        .map((each) => each?.agent),
    ),
  ];
  expect([by(0, 16_384), by(16_384, 32_768), by(32_768, Infinity)]).toEqual([
    ["no"],
    ["short"],
    ["yes"],
  ]);
});

it("puts what is short for agents below what is not, and above what is none for them", () => {
  const places = recommend(GGUF, "embedded", { hostFreeBytes: 21 * GB })
    .filter(({ room }) => room !== "none")
    .map(({ agent }) => ["yes", "short", "no"].indexOf(agent));
  expect(new Set(places)).toEqual(new Set([0, 1, 2]));
  expect(places).toEqual(places.toSorted((a, b) => a - b));
});

it("takes a card of 24 GB in a machine of 16 GB for what it is", () => {
  const budget = { hostFreeBytes: 12 * GB };
  const room = (device: object) =>
    recommend(GGUF, "llamacpp", { ...budget, ...device }).find(
      ({ name }) => name === "qwen3-coder:30b",
    )?.room;
  expect(room({})).toBe("none");
  expect(room({ deviceFreeBytes: 24 * GB })).toMatch(/ample|tight/);
  expect(room({ deviceFreeBytes: 12 * GB })).toBe("split");
});

it("puts what is only partly on the GPU below what is whole, and above what does not fit", () => {
  const budget = { hostFreeBytes: 14 * GB, deviceFreeBytes: 12 * GB };
  const order = { ample: 0, tight: 0, split: 1, none: 2 };
  const places = recommend(GGUF, "llamacpp", budget).map(({ room }) => order[room]);
  expect(places).toContain(order.split);
  expect(places).toEqual(places.toSorted((a, b) => a - b));
});

it("says where a size is from", () => {
  for (const { basis, source } of recommend(GGUF, "embedded", { hostFreeBytes: 64 * GB })) {
    expect(source).not.toBe("");
    expect(basis).not.toBe("");
  }
});
