import { expect, it } from "vitest";
import { toolsProbe } from "./tool-probes.ts";

it("where an agent is to work and tools are refused, the next command does without", () => {
  const { judge } = toolsProbe("m", { required: true });
  const text = JSON.stringify({ error: { message: "tools are not supported" } });
  expect(judge({ status: 400, text })).toMatchObject({
    kind: "fatal",
    why: expect.stringContaining("tools are not supported"),
    next: "stack up --ready first-token",
  });
});
