import { expect, it } from "vitest";
import { vouchesFor } from "./endpoint.ts";

const measured = (ready: "agent" | "first-token") => ({
  ready,
  context: { proof: "told" as const },
});

it.each([
  ["of that engine, as far as is wanted", { engine: "ollama", measured: measured("agent") }, true],
  ["of that engine, not as far", { engine: "ollama", measured: measured("first-token") }, false],
  ["of that engine, nothing measured", { engine: "ollama" }, false],
  ["of another engine", { engine: "llamacpp", measured: measured("agent") }, false],
  [
    "of a server that was adopted",
    { engine: "ollama", adopted: true, measured: measured("agent") },
    false,
  ],
  ["none", undefined, false],
] as const)("an endpoint %s: vouches for what runs: %o, %s", (_title, endpoint, expected) => {
  expect(vouchesFor(endpoint, "ollama", "agent")).toBe(expected);
});

it("one that an older version left counts for a first token", () => {
  expect(vouchesFor({ engine: "ollama" }, "ollama", "first-token")).toBe(true);
});
