import { describe, expect, it } from "vitest";
import type { ProbeAnswer, Rung } from "../gate/probe.ts";
import { embedded } from "./embedded.ts";

const probes = embedded.probes({
  model: undefined,
  servedName: "m",
  context: 512,
  parallel: 1,
  maxOutputTokens: 64,
  storeDir: "/",
  extraArgs: [],
});
function judge(rung: Rung, status: number, text: unknown): unknown {
  const answer: ProbeAnswer = {
    status,
    text: typeof text === "string" ? text : JSON.stringify(text),
  };
  return probes.find((probe) => probe.rung === rung)?.judge(answer);
}
const models = { data: [{ id: "m", context_length: 512 }] };

describe("embedded", () => {
  it("asks from the lowest rung to the highest", () => {
    expect(probes.map((probe) => probe.rung)).toEqual(["up", "healthy", "listed", "first-token"]);
  });

  it.each<readonly [string, Rung, number, unknown, unknown]>([
    ["up while loading", "up", 503, { status: "loading", progress: 0.1 }, { kind: "ok" }],
    ["not up: something else", "up", 200, "<html>", { kind: "wait" }],
    [
      "loading",
      "healthy",
      503,
      { status: "loading", progress: 0.42 },
      { kind: "wait", why: "weights 42 %" },
    ],
    ["healthy", "healthy", 200, { status: "ok" }, { kind: "ok" }],
    [
      "listed with its true context",
      "listed",
      200,
      models,
      { kind: "ok", facts: { contextLength: 512 } },
    ],
    ["another model", "listed", 200, { data: [] }, { kind: "fatal" }],
    ["another server on the port", "listed", 401, "{}", { kind: "fatal" }],
    ["still loading", "listed", 503, "{}", { kind: "wait" }],
    ["a first token", "first-token", 200, 'data: {"choices":[{}]}', { kind: "ok" }],
    ["an error in the stream", "first-token", 200, '{"error":{}}', { kind: "wait" }],
  ])("judges %s", (_title, rung, status, text, verdict) => {
    expect(judge(rung, status, text)).toMatchObject(verdict as object);
  });
});
