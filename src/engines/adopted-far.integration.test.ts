import { expect, it } from "vitest";
import { runGate } from "../gate/run-gate.ts";
import { fakeServer } from "../testing/fake-server.ts";
import { testHost } from "../testing/test-host.ts";
import type { AdoptedEngine } from "./engine.ts";
import { lmstudio } from "./lmstudio.ts";
import { ollamaAdopted } from "./ollama-adopted.ts";
import { openai } from "./openai.ts";

/** What Ollama's own API answers. */
const OLLAMA = {
  "GET /api/version": { version: "0.40.2" },
  "POST /api/generate": { done: true },
  "GET /api/ps": { models: [{ name: "m", context_length: 4096 }] },
};

it.each<AdoptedEngine>([ollamaAdopted, lmstudio, openai])(
  "$title answers the gate from another machine, over a network that takes its time",
  async ({ probes }) => {
    await using test = await testHost();
    await using server = await fakeServer({ farMs: 150, others: OLLAMA });
    const facts = await runGate(test.context, probes({ model: "m", lists: true }), {
      origin: server.origin,
      apiKey: "k",
      timeoutMs: 4000,
      watch: (signal) =>
        new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
      tail: async () => [],
    });
    expect(facts).toMatchObject({ firstTokenMs: expect.any(Number) });
  },
);
