import { describe, expect, it } from "vitest";
import type { Endpoint, Ready } from "../endpoint.ts";
import type { ContainerEngine, EngineInput } from "../engines/engine.ts";
import { firstTokenProbe } from "../engines/openai-probes.ts";
import { vllm } from "../engines/vllm.ts";
import type { StoredModel } from "../models/model.ts";
import { fakeServer, type Quirks } from "../testing/fake-server.ts";
import { testHost } from "../testing/test-host.ts";
import { climb } from "./climb.ts";

const forever = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));

/** By what its files say, tools reach it only where these facts have a template for them. */
const engine: ContainerEngine = { ...vllm, probes: () => [firstTokenProbe("m", [])] };

interface Started {
  readonly quirks?: Quirks;
  readonly ready?: Ready;
  readonly extraArgs?: readonly string[];
  readonly templateHasTools?: boolean;
}

/** The endpoint of a model, a base model unless its template has tools. */
async function started(what: Started): Promise<Endpoint> {
  const { quirks, ready = "agent", extraArgs = [], templateHasTools = false } = what;
  await using test = await testHost();
  await using server = await fakeServer(quirks);
  const facts = { architecture: "llama", hasChatTemplate: templateHasTools, templateHasTools };
  const model = { reference: "hf:org/base", facts, weights: { digest: "sha256:1" } };
  const input = { model, servedName: "m", context: 8192, maxOutputTokens: 512, extraArgs };
  // The server is there until it ends.
  return await climb(test.context, {
    settings: { name: "default", ready, parallel: 1, timeout: 20 },
    engine,
    input: input as unknown as EngineInput & { readonly model: StoredModel },
    reference: "hf:org/base",
    port: Number(new URL(server.origin).port),
    apiKey: "k",
    startKey: [],
    follow: (_onLine, signal) => forever(signal),
    watch: forever,
    tail: async () => [],
    warnings: [],
  });
}

describe("whether tools reach a model", () => {
  const given = ["--chat-template", "{{ tools }}"];
  it.each<readonly [string, Started, boolean]>([
    ["is what was seen: a template of the user's has them", { extraArgs: given }, true],
    [
      "is what was seen: one that has them drops them",
      { quirks: { tools: "dropped" }, templateHasTools: true },
      false,
    ],
    ["is what its files say, for a first token", { ready: "first-token" }, false],
    ["is that, where they have tools", { ready: "first-token", templateHasTools: true }, true],
    [
      "is that where the server takes them and does not count",
      { quirks: { countsTokens: false } },
      false,
    ],
    [
      "is that where it does not count, and they have tools",
      { quirks: { countsTokens: false }, templateHasTools: true },
      true,
    ],
  ])("%s", async (_title, what, tools) => {
    expect((await started(what)).tools).toBe(tools);
  });
});

it.each([
  ["without one is warned of", [], 1],
  ["that is given one is not", ["--chat-template", "{{ messages }}"], 0],
  ["that is given a file with one is not", ["--chat-template-file=/t"], 0],
  ["that is given something else is", ["--chat-template-kwargs", "{}"], 1],
])("a model %s", async (_title, extraArgs, times) => {
  const { warnings } = await started({ ready: "first-token", extraArgs });
  expect(warnings.filter((each) => each.includes("no chat template"))).toHaveLength(times);
});
