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

it("says where a size is from, and nothing of one that is not known", () => {
  const list = recommend(CATALOG, "embedded", { hostFreeBytes: 64 * GB });
  for (const { bytes, basis, source } of list) {
    expect(source).not.toBe("");
    expect(basis === undefined).toBe(bytes === undefined);
  }
});
