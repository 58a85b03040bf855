import { expect, it } from "vitest";
import { findings } from "./findings.ts";
import type { GateFacts } from "./probe.ts";

it.each<readonly [string, GateFacts, string]>([
  ["its list names it", { contextLength: 8192 }, "told"],
  ["a refusal names it", { contextLimit: 5000, contextGuessed: false }, "told"],
  ["nobody has named it", {}, "assumed"],
  ["it was halved on a guess", { contextLimit: 4096, contextGuessed: true }, "assumed"],
  [
    "what its list names was refused, and halved on a guess",
    { contextLength: 8192, contextLimit: 4096, contextGuessed: true },
    "assumed",
  ],
])("a window without a proof, where %s", (_title, facts, proof) => {
  const found = findings(facts, { ready: "agent", window: 8192, parallel: undefined });
  expect(found.measured.context.proof).toBe(proof);
});
