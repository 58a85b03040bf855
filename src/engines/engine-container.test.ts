import { expect, it } from "vitest";
import { engineContainer } from "./engine-container.ts";
import type { EngineInput } from "./engine.ts";
import { vllm } from "./vllm.ts";

const limit = (told: Partial<EngineInput>): number =>
  engineContainer({
    stack: "s",
    engine: vllm,
    told: {
      model: undefined,
      servedName: "m",
      context: 8192,
      parallel: 1,
      maxOutputTokens: 512,
      storeDir: "/store",
      extraArgs: [],
      ...told,
    },
    image: "i:1",
    user: "1:1",
    memoryBytes: undefined,
    devices: [],
    labels: {},
  }).pidsLimit;

it("an engine may have as many threads as the machine has processors and GPUs to use them", () => {
  const gpus = { given: 8, used: 8, memoryShare: undefined };
  expect(limit({ cpus: 2 })).toBe(1040);
  // A thread per processor, twice, in each of twelve processes.
  expect(limit({ cpus: 192, gpus })).toBeGreaterThan(192 * 2 * 12);
  expect(limit({ cpus: 192 })).toBeLessThan(limit({ cpus: 192, gpus }));
  expect(limit({})).toBeGreaterThanOrEqual(limit({ cpus: 128 }));
});
