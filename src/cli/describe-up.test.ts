import { expect, it } from "vitest";
import type { FitReport } from "../run/stack-fit.ts";
import { describeUp, type UpReport } from "./describe-up.ts";

const FIT: FitReport = {
  context: 16_384,
  limitedBy: "memory",
  parallel: 1,
  kvType: "f16",
  needed: {
    weights: 5e9,
    kv: 2e9,
    compute: 3e8,
    runtime: 1e8,
    cache: 0,
    total: 74e8,
    perToken: 1000,
  },
  free: { hostFreeBytes: 8e9 },
  room: "ample",
  warnings: ["The context is 16384 tokens."],
};
const dryRun = (more: Partial<UpReport>): string =>
  describeUp({
    name: "default",
    engine: "embedded",
    model: "m",
    changed: false,
    dryRun: true,
    steps: [{ id: "gate", title: "Wait" }],
    ...more,
  });

it("a dry run says what limits the context, and what would be warned of", () => {
  expect(dryRun({ fit: FIT }).split("\n")).toEqual([
    "would: Wait",
    "memory: weights 5.0 GB + keys and values 2.0 GB for 16384 tokens (all that the free memory holds) + buffers 300.0 MB + engine 100.0 MB = 7.4 GB, of 8.0 GB free",
    "warning: The context is 16384 tokens.",
  ]);
});

it("says nothing of a limit where the context is what was asked for", () => {
  expect(dryRun({ fit: { ...FIT, limitedBy: "settings" } })).toContain(
    "for 16384 tokens + buffers",
  );
});

it("of a model of which only the size is known says that", () => {
  const { needed: _, ...fit } = FIT;
  expect(
    dryRun({ fit: { ...fit, weightsBytes: 5e9, limitedBy: "settings", warnings: [] } }),
  ).toMatch(/^memory: weights 5\.0 GB, of 8\.0 GB free; what 16384 tokens take is not known$/m);
});

it("says why nothing is known", () => {
  expect(dryRun({ fitUnknown: "No answer." })).toMatch(
    /^memory: not known before the model is fetched: No answer\.$/m,
  );
});
