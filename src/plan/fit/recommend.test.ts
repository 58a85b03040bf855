import { expect, it } from "vitest";
import { CATALOG } from "../../models/catalog.ts";
import { recommend } from "./recommend.ts";

const GB = 1e9;
const find = (name: string, hostFreeBytes: number) =>
  recommend(CATALOG, "embedded", { hostFreeBytes }).find((each) => each.name === name);

it("puts models for agents that fit first, the largest on top, and what does not fit last", () => {
  const list = recommend(CATALOG, "embedded", { hostFreeBytes: 16 * GB });
  expect(list[0]).toMatchObject({
    name: "qwen3:8b",
    agent: true,
    room: expect.stringMatching(/ample|tight/),
  });
  expect(list.at(-1)).toMatchObject({ room: "none" });
  const firstForNone = list.findIndex(({ room }) => room === "none");
  expect(list.slice(firstForNone).every(({ room }) => room === "none")).toBe(true);
});

it("says that a model is none for agents where only a short context fits", () => {
  expect(find("qwen3-coder:30b", 40 * GB)).toMatchObject({ agent: true });
  const short = Array.from({ length: 100 }, (_, step) =>
    find("qwen3-coder:30b", (18 + step / 10) * GB),
  ).find((each) => each?.room !== "none");
  expect(short?.context).toBeLessThan(16_384);
  expect(short).toMatchObject({ agent: false });
});

it("takes a card of 24 GB in a machine of 16 GB for what it is", () => {
  const budget = { hostFreeBytes: 12 * GB };
  const room = (device: object) =>
    recommend(CATALOG, "llamacpp", { ...budget, ...device }).find(
      ({ name }) => name === "qwen3-coder:30b",
    )?.room;
  expect(room({})).toBe("none");
  expect(room({ deviceFreeBytes: 24 * GB })).toMatch(/ample|tight/);
  expect(room({ deviceFreeBytes: 12 * GB })).toBe("split");
});

it("puts what is only partly on the GPU below what is whole, and above what does not fit", () => {
  const budget = { hostFreeBytes: 14 * GB, deviceFreeBytes: 12 * GB };
  const order = { ample: 0, tight: 0, split: 1, none: 2 };
  const places = recommend(CATALOG, "llamacpp", budget).map(({ room }) => order[room]);
  expect(places).toContain(order.split);
  expect(places).toEqual(places.toSorted((a, b) => a - b));
});

it("says where a size is from", () => {
  for (const { basis, source } of recommend(CATALOG, "embedded", { hostFreeBytes: 64 * GB })) {
    expect(source).not.toBe("");
    expect(basis).not.toBe("");
  }
});
