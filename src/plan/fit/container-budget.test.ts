import { expect, it } from "vitest";
import { containerBudget, type ContainerMemory } from "./container-budget.ts";

const GB = 1e9;
const budget = (memory: Partial<ContainerMemory>, limit?: string) =>
  containerBudget(
    {
      host: { totalBytes: 32 * GB, freeBytes: 10 * GB },
      daemonBytes: 32 * GB,
      heldBytes: 0,
      gpus: [],
      ...memory,
    },
    limit,
  );

it.each<[string, Partial<ContainerMemory>, string | undefined, number]>([
  ["what is free now", {}, undefined, 10],
  ["and what the replaced stack has", { heldBytes: 5 * GB }, undefined, 15],
  ["but not what the machine has not", { heldBytes: 40 * GB }, undefined, 32],
  ["no more than the limit", { heldBytes: 5 * GB }, "8g", (8 * 2 ** 30) / GB],
  ["of a virtual machine its size", { daemonBytes: 8 * GB, heldBytes: GB }, undefined, 8],
  ["of a daemon that does not say all of this machine", { daemonBytes: 0 }, undefined, 32],
])("%s", (_title, memory, limit, expected) => {
  expect(budget(memory, limit)).toEqual({ hostFreeBytes: expected * GB });
});

it("one GPU that does not say makes the whole unknown", () => {
  const free = (...each: (number | undefined)[]) =>
    budget({ gpus: each.map((freeBytes) => ({ freeBytes })) }).deviceFreeBytes;
  expect(free(GB, GB)).toBe(2 * GB);
  expect(free(GB, undefined)).toBe(Infinity);
});
