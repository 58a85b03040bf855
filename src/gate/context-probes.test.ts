import { describe, expect, it } from "vitest";
import { contextProbes } from "./context-probes.ts";
import type { GateFacts, Probe } from "./probe.ts";

/** What is known once a server has named its window, and how it counts was learned. */
const LEARNED = { canaryPerWord: 1, canaryOverhead: 11, contextLength: 8192 };

/** The question past the window, where it is asked. */
function pastWindow(facts: GateFacts, remainingMs: number): Probe | undefined {
  const last = contextProbes({ model: "m", window: 8192 }).at(-1);
  return typeof last === "function" ? last({ facts, remainingMs }) : last;
}

describe("a prompt past the window that nothing is heard of", () => {
  it.each<readonly [string, GateFacts, number, object]>([
    [
      "was cut, when a refusal had its time",
      LEARNED,
      60_000,
      { truncates: true, overflow: "not refused within 20 s" },
    ],
    ["shows nothing, when it had not", LEARNED, 3000, { overflow: "no answer within 2.7 s" }],
    [
      "shows nothing where the window is only believed",
      { canaryPerWord: 1, canaryOverhead: 11 },
      60_000,
      { overflow: "no answer within 20 s" },
    ],
  ])("%s", (_title, facts, remainingMs, shown) => {
    const probe = pastWindow(facts, remainingMs);
    expect(probe?.timedOut).toEqual({ kind: "ok", facts: shown });
  });

  it.each<readonly [string, GateFacts, number]>([
    ["no time is left for an answer", LEARNED, 400],
    [
      "the server may still read the prompt that was given up",
      { ...LEARNED, contextProof: "too slow" },
      60_000,
    ],
  ])("is not sent where %s", (_title, facts, remainingMs) => {
    expect(pastWindow(facts, remainingMs)).toBeUndefined();
  });
});

describe("a prompt past the window that is answered", () => {
  const answered = (message: object, facts: GateFacts = LEARNED): unknown =>
    pastWindow(facts, 60_000)?.judge({
      status: 200,
      text: JSON.stringify({ choices: [{ message }], usage: { prompt_tokens: 9000 } }),
    });
  const unnamed = { canaryPerWord: 1, canaryOverhead: 11 };
  it.each<readonly [string, object, GateFacts, object]>([
    [
      "with nothing is not read, whatever is counted",
      { role: "assistant", content: "" },
      LEARNED,
      { truncates: true, overflow: "it was answered with nothing" },
    ],
    ["with a word is held", { content: "x" }, LEARNED, { overflow: "it holds more than that" }],
    [
      "with a thought is held",
      { content: null, reasoning_content: "x" },
      LEARNED,
      { overflow: "it holds more than that" },
    ],
    [
      "with nothing shows nothing where the window is only believed",
      { content: "" },
      unnamed,
      { overflow: "it holds more than that" },
    ],
  ])("%s", (_title, message, facts, shown) => {
    expect(answered(message, facts)).toEqual({ kind: "ok", facts: shown });
  });
});
