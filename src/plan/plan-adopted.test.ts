import { describe, expect, it } from "vitest";
import type { FoundModel } from "../engines/engine.ts";
import { type EarlierLoad, planAdopted, serving } from "./plan-adopted.ts";

const loaded = (context: number | undefined, id = "m"): FoundModel => ({
  id,
  context,
  state: "loaded",
});
const asleep: FoundModel = { id: "m", state: "not-loaded" };
/** 32768 tokens were asked for, and 20000 came. */
const less: EarlierLoad = { id: "m", asked: 32_768, context: 20_000 };
const unknown: EarlierLoad = { id: "m", asked: 32_768, context: undefined };

describe("the instance that serves, of those that are loaded", () => {
  it.each<
    readonly [string, readonly FoundModel[], EarlierLoad | undefined, boolean, string | undefined]
  >([
    ["none is loaded", [asleep], undefined, false, undefined],
    ["enough", [loaded(32_768)], undefined, false, "m"],
    ["the largest", [loaded(40_000), loaded(65_536, "m:2")], undefined, false, "m:2"],
    ["too little, by somebody else", [loaded(20_000)], undefined, false, undefined],
    ["too little, as it came of the same wish", [loaded(20_000)], less, false, "m"],
    ["a little more than came", [loaded(20_192)], less, false, "m"],
    ["less than came: it was loaded again since", [loaded(4096)], less, false, undefined],
    ["too little for another wish", [loaded(20_000)], { ...less, asked: 30_000 }, false, undefined],
    ["another instance as large", [loaded(20_000, "m:2")], less, false, undefined],
    ["too little, and asked anew", [loaded(20_000)], less, true, undefined],
    ["enough, and asked anew", [loaded(32_768)], less, true, "m"],
    ["nobody tells how much", [loaded(undefined)], undefined, false, "m"],
    ["nobody tells how much of what we loaded", [loaded(undefined)], unknown, false, "m"],
    ["nobody tells how much, asked anew", [loaded(undefined)], unknown, true, undefined],
    [
      "one that is enough before an unknown one",
      [loaded(undefined), loaded(40_000, "m:2")],
      unknown,
      false,
      "m:2",
    ],
  ])("%s", (_title, instances, earlier, anew, expected) => {
    expect(serving(instances, { context: 32_768, earlier, anew })?.id).toBe(expected);
  });
});

describe("the plan of an adoption", () => {
  const desired = { name: "default", engine: "e", title: "E", model: "m", hash: "h", anew: false };
  it.each<
    readonly [
      string,
      Partial<Parameters<typeof planAdopted>[1]>,
      number | undefined,
      readonly string[],
    ]
  >([
    ["nothing is new", {}, 32_768, []],
    ["the hash is another", { hash: "g" }, 32_768, ["gate"]],
    ["less came than was asked for", { instances: [loaded(20_000)], earlier: less }, 32_768, []],
    ["it is too small", { instances: [loaded(4096)] }, 32_768, ["load", "gate"]],
    ["nothing can be loaded", { instances: [] }, undefined, []],
    ["another engine runs", { foreign: true }, 32_768, ["gate", "clear"]],
    [
      "another engine holds the memory",
      { instances: [loaded(4096)], foreign: true },
      32_768,
      ["clear", "load", "gate"],
    ],
  ])("%s", (_title, observed, context, expected) => {
    const now = { instances: [loaded(32_768)], earlier: undefined, hash: "h", foreign: false };
    const plan = planAdopted({ ...desired, context }, { ...now, ...observed });
    expect(plan.steps.map(({ kind }) => kind)).toEqual(expected);
  });
});
