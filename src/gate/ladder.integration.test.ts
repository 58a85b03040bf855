import { describe, expect, it } from "vitest";
import * as z from "zod";
import type { Ready } from "../endpoint.ts";
import type { StackError } from "../errors.ts";
import { firstTokenProbe, listedProbe } from "../engines/openai-probes.ts";
import { type FakeServer, fakeServer, type Quirks } from "../testing/fake-server.ts";
import { testHost } from "../testing/test-host.ts";
import { type Findings, findings } from "./findings.ts";
import { ladder } from "./ladder.ts";
import { runGate } from "./run-gate.ts";

const forever = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));

interface Climb {
  readonly found: Findings;
  readonly server: FakeServer;
  readonly longest: number;
  /** What was told to be waited for, and for how many milliseconds. */
  readonly told: readonly (readonly [string, number | undefined])[];
}

const LISTED = listedProbe({
  model: "m",
  title: "It",
  entry: z.object({ id: z.string(), max_model_len: z.number() }),
  contextOf: (found) => found.max_model_len,
});

/** Climbs a server that is believed to hold `window` tokens. */
async function climb(
  quirks: Quirks,
  options: { window?: number; ready?: Ready; timeoutMs?: number } = {},
): Promise<Climb> {
  const { window = 8192, ready = "agent", timeoutMs = 20_000 } = options;
  await using test = await testHost();
  await using server = await fakeServer(quirks);
  const own = [...(quirks.entry === undefined ? [] : [LISTED]), firstTokenProbe("m", [])];
  const probes = ladder(own, ready, { model: "m", window });
  const told: [string, number | undefined][] = [];
  const facts = await runGate(test.context, probes, {
    origin: server.origin,
    apiKey: "k",
    timeoutMs,
    doing: (title, expectedMs) => told.push([title, expectedMs]),
    watch: forever,
    tail: async () => [],
  });
  const found = findings(facts, { ready, window, parallel: undefined });
  const chats = server.seen.filter((line) => line.startsWith("chat "));
  const sizes = chats.map((line) => Number(line.replace("chat ", "")));
  return { found, server, longest: Math.max(...sizes), told };
}

describe("the upper rungs", () => {
  it("prove a good server's window to within a few tokens, and that it takes no more", async () => {
    const { found, longest } = await climb({ window: 8192 });
    expect(found).toMatchObject({
      contextWindow: 8192,
      tools: true,
      warnings: [],
      measured: {
        ready: "agent",
        context: { proof: "full", provedTokens: 8183, truncates: false },
        tools: { accepted: true, rendered: true, call: "well-formed" },
        firstTokenMs: expect.any(Number),
        tokensPerSecond: expect.any(Number),
      },
    });
    expect(longest).toBeGreaterThan(8192);
  });

  it("are not climbed for a first token, which costs one request", async () => {
    const { found, server } = await climb({}, { ready: "first-token" });
    expect(server.seen).toHaveLength(1);
    expect(found).toMatchObject({ tools: undefined, measured: { context: { proof: "assumed" } } });
  });

  it.each<readonly [string, Quirks, object]>([
    [
      "vLLM's words name the true window",
      { window: 5000, overflow: "vllm" },
      { contextWindow: 5000, measured: { context: { proof: "full", truncates: false } } },
    ],
    [
      "llama-server's words name it",
      { window: 5000, overflow: "llama" },
      { contextWindow: 5000, measured: { context: { proof: "full", truncates: false } } },
    ],
    [
      "without words it is halved until it fits",
      { window: 5000, overflow: "silent" },
      { contextWindow: 4096, measured: { context: { proof: "full" } } },
    ],
    [
      "one that cuts is shown to cut",
      { window: 8192, overflow: "cut" },
      {
        contextWindow: 8192,
        measured: { context: { proof: "full", truncates: true } },
        warnings: [expect.stringContaining("cut without a word")],
      },
    ],
    [
      "one that cuts to half of less than was believed",
      { window: 5000, overflow: "half" },
      { contextWindow: 2500, measured: { context: { truncates: true } } },
    ],
    [
      "a larger one than was believed is not called smaller",
      { window: 100_000 },
      { contextWindow: 8192, measured: { context: { proof: "full" } }, warnings: [] },
    ],
    [
      "a server that does not count",
      { countsTokens: false },
      {
        measured: { context: { proof: "assumed" } },
        warnings: [expect.stringContaining("does not count")],
      },
    ],
    [
      "a crash over the window proves nothing and names no smaller one",
      { fails: { above: 5000, status: 500, message: "CUDA error: out of memory" } },
      {
        contextWindow: 8192,
        measured: { context: { proof: "failed" } },
        warnings: [
          expect.stringMatching(
            /8192 tokens.*a prompt of 8183 tokens failed: HTTP 500: CUDA error/,
          ),
        ],
      },
    ],
    [
      "one over a short prompt is told as what it is",
      { fails: { above: 148, status: 500, message: "no kernel image" } },
      {
        measured: { context: { proof: "failed" } },
        warnings: [expect.stringContaining("a short prompt failed: HTTP 500: no kernel image")],
      },
    ],
    [
      "what is too large for a proxy is refused",
      { fails: { above: 8192, status: 413, message: "Payload too large" } },
      { measured: { context: { proof: "full", truncates: false } }, warnings: [] },
    ],
    [
      "words that name the window are a refusal, whatever the status",
      { fails: { above: 5000, status: 500, message: "maximum context length is 5000 tokens" } },
      { contextWindow: 5000, measured: { context: { proof: "full", truncates: false } } },
    ],
    [
      "a call that is ignored is a fact",
      { tools: "ignored" },
      { tools: true, measured: { tools: { call: "the answer has no call" } } },
    ],
    [
      "a server that is busy for a moment is asked again for a call",
      { tools: "busy" },
      { tools: true, measured: { tools: { call: "well-formed" } } },
    ],
    [
      "tools that the template drops",
      { tools: "dropped" },
      { tools: false, warnings: [expect.stringContaining("dropped")] },
    ],
  ])("%s", async (_title, quirks, expected) => {
    const { found } = await climb(quirks);
    expect(found).toMatchObject(expected);
  });

  it.each([500, 502, 504])("take %i past the window for no refusal", async (status) => {
    const { found } = await climb({ fails: { above: 8192, status, message: "gone" } });
    expect(found.measured.context).toEqual({
      proof: "full",
      provedTokens: 8183,
      overflow: `HTTP ${status}: gone`,
    });
    expect(found.warnings).toEqual([expect.stringContaining("fails and is not refused")]);
  });

  it("ask nothing more of a server that broke", async () => {
    const { longest } = await climb({ fails: { above: 5000, status: 500, message: "gone" } });
    expect(longest).toBe(8183);
  });

  it("end where the key is refused", async () => {
    const fails = { above: 5000, status: 401, message: "no such key" };
    await expect(climb({ fails })).rejects.toMatchObject({
      code: "NOT_READY",
      why: "HTTP 401: no such key",
    });
  });

  it("refuse a server that refuses tools, in its own words", async () => {
    await expect(climb({ tools: "refused" })).rejects.toMatchObject({
      code: "NOT_READY",
      why: expect.stringContaining("--enable-auto-tool-choice"),
    } satisfies Partial<Record<keyof StackError, unknown>>);
  });

  it("prove as much as the time allows, and say how much that was", async () => {
    // 2000 tokens a second: the window of 8192 would take 4 s, and attention makes it slower.
    const { found, longest } = await climb({ readMs: 500 }, { timeoutMs: 6000 });
    const { context } = found.measured;
    expect(context).toMatchObject({ proof: "partial", truncates: false });
    expect(context.provedTokens).toBeGreaterThan(500);
    expect(context.provedTokens).toBeLessThan(8000);
    // The one past the window is refused without being read.
    expect(longest).toBeGreaterThan(8192);
    expect(found.warnings).toEqual([expect.stringContaining("were proved")]);
  });

  it("say what they wait for, and how long the window will take by the speed so far", async () => {
    const { told } = await climb({ readMs: 500 }, { window: 4096 });
    expect(told.map(([title]) => title)).toEqual([
      "first token",
      "measuring how fast it writes",
      "trying tools",
      "trying tools",
      "measuring how fast it reads",
      "measuring how fast it reads",
      "reading 4087 tokens",
      "trying a longer prompt",
    ]);
    // 500 ms per 1000 tokens, as far as 64 ms tell, and twice that for attention.
    const [, expectedMs = 0] = told.find(([title]) => title.startsWith("reading")) ?? [];
    expect(expectedMs).toBeGreaterThan(2000);
    expect(expectedMs).toBeLessThan(8000);
  });

  it("tell the first token of a cold server, and not of one that is warm", async () => {
    const { found } = await climb({ coldMs: 300 });
    expect(found.measured.firstTokenMs).toBeGreaterThanOrEqual(300);
  });

  it("do not fail a server that reads a whole window more slowly than it seemed", async () => {
    // Two seconds for the window of 8192, and next to none for what the speed is learned by.
    const slow = { pairMs: 30, entry: { max_model_len: 8192 } };
    const { found, longest } = await climb(slow, { timeoutMs: 1500 });
    // Nor is it said to cut: its one slot was taken when there was still time to ask for more than it holds.
    expect(found.measured.context).toEqual({ proof: "told" });
    expect(longest).toBe(8183);
    expect(found.warnings).toEqual([expect.stringContaining("was not read in time")]);
  });
});
