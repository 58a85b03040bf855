import { describe, expect, it } from "vitest";
import { contextProbes } from "./context-probes.ts";
import type { GateFacts, Probe } from "./probe.ts";

/** What is known once a server has named its window, and how it counts was learned. */
const LEARNED = { canaryPerWord: 1, canaryOverhead: 11, contextLength: 8192 };
/** What is known where it has named none. */
const UNNAMED = { canaryPerWord: 1, canaryOverhead: 11 };

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
      UNNAMED,
      60_000,
      { overflow: "no answer within 20 s" },
    ],
    [
      "shows nothing where the window was halved because a refusal named none",
      { ...LEARNED, contextLimit: 4096, contextGuessed: true },
      60_000,
      { overflow: "no answer within 20 s" },
    ],
    [
      "was cut where a refusal has named the window",
      { ...UNNAMED, contextLimit: 4096, contextGuessed: false },
      60_000,
      { truncates: true, overflow: "not refused within 20 s" },
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

describe("a prompt that fills the window", () => {
  const fill = (status: number, body: object, facts: GateFacts = UNNAMED): unknown => {
    const third = contextProbes({ model: "m", window: 8192 })[2];
    const probe = typeof third === "function" ? third({ facts, remainingMs: 60_000 }) : third;
    return probe?.judge({ status, text: JSON.stringify(body) });
  };
  const refused = (message: string): object => ({ error: { message } });

  it.each<readonly [string, string, object]>([
    [
      "is halved, on a guess, where a refusal names no size",
      "prompt too long",
      { contextLimit: 4096, contextGuessed: true },
    ],
    [
      "is as large as a refusal names",
      "maximum context length is 5000 tokens",
      { contextLimit: 5000, contextGuessed: false },
    ],
  ])("%s", (_title, words, known) => {
    const contextRefused = `HTTP 400: ${words}`;
    expect(fill(400, refused(words))).toEqual({ kind: "ok", facts: { ...known, contextRefused } });
  });

  it.each([
    ["x", true],
    ["", false],
  ])("is remembered by whether it was answered with text: %j", (content, fillSaid) => {
    const body = { choices: [{ message: { content } }], usage: { prompt_tokens: 8183 } };
    const facts = { contextProved: 8183, contextProof: "full", fillSaid };
    expect(fill(200, body)).toEqual({ kind: "ok", facts });
  });
});

describe("a prompt past the window that is answered", () => {
  const answered = (message: object, facts: GateFacts): unknown =>
    pastWindow(facts, 60_000)?.judge({
      status: 200,
      text: JSON.stringify({ choices: [{ message }], usage: { prompt_tokens: 9000 } }),
    });
  const EMPTY = { role: "assistant", content: "" };
  const NOTHING = { truncates: true, overflow: "it was answered with nothing" };
  const SILENT = { overflow: "it was answered without text, which shows nothing" };
  const HELD = { overflow: "it holds more than that" };
  it.each<readonly [string, object, GateFacts, object]>([
    [
      "with nothing is not read, whatever is counted, where one that fitted was answered with text",
      EMPTY,
      { ...LEARNED, fillSaid: true },
      NOTHING,
    ],
    // Of gpt-oss and others the first token of any answer is none that is text.
    [
      "with nothing, as one that fitted was, shows nothing",
      EMPTY,
      { ...LEARNED, fillSaid: false },
      SILENT,
    ],
    ["with nothing shows nothing where none that fitted was answered", EMPTY, LEARNED, SILENT],
    ["with a word is held", { content: "x" }, { ...LEARNED, fillSaid: true }, HELD],
    [
      "with a thought is held",
      { content: null, reasoning_content: "x" },
      { ...LEARNED, fillSaid: true },
      HELD,
    ],
    [
      "with nothing shows nothing where the window is only believed",
      EMPTY,
      { ...UNNAMED, fillSaid: true },
      SILENT,
    ],
    [
      "with nothing shows nothing where the window was halved on a guess",
      EMPTY,
      { ...LEARNED, contextLimit: 4096, contextGuessed: true, fillSaid: true },
      SILENT,
    ],
  ])("%s", (_title, message, facts, shown) => {
    expect(answered(message, facts)).toEqual({ kind: "ok", facts: shown });
  });
});
