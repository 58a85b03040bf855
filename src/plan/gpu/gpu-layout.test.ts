import { describe, expect, it } from "vitest";
import { evenShare, repeatedOver } from "./even-share.ts";
import { gpuLayout, layoutText, readLayout } from "./gpu-layout.ts";
import { memoryShare } from "./memory-share.ts";

const GIB = 2 ** 30;
const heads = (queryHeads: number, kvHeads: number) => ({
  queryHeads,
  kv: [{ layers: 1, kvHeads, keyLength: 1, valueLength: 1 }],
});

describe("a model is spread over as many GPUs as its heads allow", () => {
  it.each([
    ["SmolLM2-135M", heads(9, 3), 2, 1],
    ["SmolLM2-135M", heads(9, 3), 4, 3],
    ["Qwen3-8B", heads(32, 8), 2, 2],
    ["Qwen3-8B", heads(32, 8), 3, 2],
    ["Qwen3-8B", heads(32, 8), 8, 8],
    ["Llama 3.2 3B, whose heads of keys are not dealt out to three", heads(24, 8), 3, 2],
    ["Qwen3-Coder-30B-A3B, whose heads of keys are repeated", heads(32, 4), 8, 8],
    ["one of which the heads are not known", { kv: heads(32, 8).kv }, 4, 1],
    ["one of which nothing is known", undefined, 4, 1],
  ])("%s", (_title, shape, gpus, used) => {
    expect(evenShare(gpus, shape)).toBe(used);
  });
});

it("heads of keys are repeated where there are fewer of them than GPUs", () => {
  const shape = {
    ...heads(32, 4),
    stateBytes: 0,
    embeddingLength: 1,
    widestLength: 1,
    vocabulary: 1,
  };
  expect(repeatedOver(8, shape).kv[0]?.kvHeads).toBe(8);
  expect(repeatedOver(2, shape)).toEqual(shape);
});

describe("the share of a card's memory", () => {
  const card = (free: number | undefined, total: number | undefined = 24) => ({
    freeBytes: free === undefined ? undefined : free * GIB,
    totalBytes: total === undefined ? undefined : total * GIB,
  });
  it.each([
    ["an idle card gives what vLLM takes by itself", [card(23.6)], 0.92],
    ["beside a desktop what is free, less a gibibyte", [card(20)], 0.79],
    ["the fullest of several decides", [card(23.6), card(13)], 0.5],
    ["a card that does not say", [card(23.6), card(undefined)], undefined],
    ["one whose size is not known", [{ freeBytes: 20 * GIB }], undefined],
    ["one that is full", [card(0.5)], undefined],
    ["no card", [], undefined],
  ])("%s: %s", (_title, cards, share) => {
    expect(memoryShare(cards)).toBe(share);
  });

  it("is no more than was free for vLLM's own check", () => {
    for (let free = 1; free < 24; free += 0.37) {
      const share = memoryShare([card(free)]) ?? 0;
      expect(share * 24).toBeLessThan(free);
    }
  });

  it("counts the cards that are used", () => {
    const cards = [card(20), card(20), card(2)];
    const shape = {
      ...heads(32, 8),
      stateBytes: 0,
      embeddingLength: 1,
      widestLength: 1,
      vocabulary: 1,
    };
    expect(gpuLayout(cards, shape)).toEqual({ given: 3, used: 2, memoryShare: 0.79 });
    expect(gpuLayout([], shape)).toBeUndefined();
  });

  it.each([
    ["2/3@0.79", { given: 3, used: 2, memoryShare: 0.79 }],
    ["1/1", { given: 1, used: 1, memoryShare: undefined }],
  ])("with how the model is spread, is one word on a container: %s", (text, layout) => {
    expect(layoutText(layout)).toBe(text);
    expect(readLayout(text)).toEqual(layout);
  });

  it.each([undefined, "", "0.79", "2/3@2", "a/b"])("is not read from %j", (text) => {
    expect(readLayout(text)).toBeUndefined();
  });
});
