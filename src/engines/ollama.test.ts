import { describe, expect, it } from "vitest";
import type { ProbeAnswer } from "../gate/probe.ts";
import type { GgufModel } from "../models/model.ts";
import type { EngineInput } from "./engine.ts";
import { engineContainer } from "./engine-container.ts";
import { OLLAMA_FATAL, ollamaProbes, readContext } from "./ollama-probes.ts";
import { judgeError } from "./openai-probes.ts";
import { ollama } from "./ollama.ts";

const told: EngineInput = {
  model: undefined,
  servedName: "smollm2:135m",
  context: 32_768,
  parallel: 2,
  maxOutputTokens: 4096,
  storeDir: "/store",
  extraArgs: [],
};

const answer = (status: number, body: unknown): ProbeAnswer => ({
  status,
  text: typeof body === "string" ? body : JSON.stringify(body),
});

/** The verdict of the probe whose path is this. */
function judge(path: string, given: ProbeAnswer): object {
  const probe = ollamaProbes(told).find(({ request }) => request.path === path);
  if (probe === undefined) throw new Error(`no probe asks ${path}`);
  return probe.judge(given);
}

describe("the ladder", () => {
  it("loads the model before it asks for tokens", () => {
    expect(ollamaProbes(told).map(({ rung, request }) => `${rung} ${request.path}`)).toEqual([
      "up /api/version",
      "healthy /api/generate",
      "healthy /api/ps",
      "listed /v1/models",
      "first-token /v1/chat/completions",
    ]);
  });

  it.each([
    [
      "/api/version",
      answer(200, { version: "0.40.2" }),
      { kind: "ok", facts: { engineVersion: "0.40.2" } },
    ],
    [
      "/api/version",
      answer(503, { error: { message: "The engine is not running." } }),
      { kind: "wait" },
    ],
    ["/api/version", answer(200, "<html>"), { kind: "wait" }],
    ["/v1/models", answer(200, { data: [{ id: "smollm2:135m" }] }), { kind: "ok" }],
    ["/v1/models", answer(200, { data: null }), { kind: "fatal", next: "stack models verify" }],
    ["/v1/models", answer(200, { data: [{ id: "other" }] }), { kind: "fatal" }],
    ["/v1/models", answer(502, ""), { kind: "wait" }],
    ["/api/generate", answer(200, { done: true, done_reason: "load" }), { kind: "ok" }],
    ["/api/generate", answer(404, { error: "model 'x' not found" }), { kind: "fatal" }],
    [
      "/api/ps",
      answer(200, { models: [{ name: "smollm2:135m", context_length: 8192 }] }),
      { kind: "ok", facts: { contextLength: 8192 } },
    ],
    ["/api/ps", answer(200, { models: [] }), { kind: "ok" }],
    [
      "/v1/chat/completions",
      answer(200, 'data: {"choices":[{"delta":{"content":"Hi"}}]}\n\n'),
      { kind: "ok" },
    ],
    [
      "/v1/chat/completions",
      answer(
        200,
        'data: {"error":{"message":"llama runner process has terminated: exit status 2"}}\n\n',
      ),
      { kind: "fatal" },
    ],
  ])("%s answers %o", (path, given, expected) => {
    expect(judge(path, given)).toMatchObject(expected);
  });
});

describe("errors that waiting does not cure", () => {
  it.each([
    [
      "model requires more system memory (5.4 GiB) than is available (1.9 GiB)",
      "stack up --context <less>",
    ],
    ["model 'x' not found", "stack models verify"],
    ["llama runner process has terminated: signal: killed", "stack logs"],
    [
      "model runner has unexpectedly stopped, this may be due to resource limitations",
      "stack logs",
    ],
    ["open /models/blobs/sha256-1: permission denied", "stack doctor"],
    ["unable to load model: /models/blobs/sha256-1", "stack up --model <another>"],
    ['"smollm2:135m" does not support chat', "stack up --model <another>"],
  ])("%s", (words, next) => {
    const verdict = judgeError(answer(500, { error: words }), OLLAMA_FATAL);
    expect(verdict).toEqual({ kind: "fatal", why: words, next });
  });

  it.each(["server busy, please try again", "", "something new"])("%j may pass", (words) => {
    expect(judgeError(answer(503, { error: words }), OLLAMA_FATAL)).toMatchObject({ kind: "wait" });
  });
});

describe("the true context", () => {
  it.each([
    ['{"models":[{"name":"a:1","context_length":4096}]}', 4096],
    ['{"models":[{"name":"b:1","context_length":4096}]}', undefined],
    ['{"models":[{"name":"a:1"}]}', undefined],
    ['{"models":null}', undefined],
    ["not JSON", undefined],
  ])("%s", (text, expected) => {
    expect(readContext(text, "a:1")).toBe(expected);
  });
});

describe("the container", () => {
  const container = engineContainer({
    stack: "default",
    engine: ollama,
    told,
    image: "ollama/ollama:0.40.2",
    user: "65532:65532",
    memoryBytes: 1,
    devices: [],
    labels: { "stack.plan": "h" },
  });

  it("is on the sealed network and no other, and publishes nothing", () => {
    expect(container).toMatchObject({
      name: "stack-default-engine",
      network: "stack-default-sealed",
      extraNetworks: [],
      networkAliases: ["engine"],
      ports: [],
      dns: ["127.0.0.1"],
      labels: {
        "stack.name": "default",
        "stack.role": "engine",
        "stack.engine": "ollama",
        "stack.plan": "h",
      },
    });
  });

  it("is told the context of an agent, keeps the model, and may not change the store", () => {
    expect(container.env).toMatchObject({
      OLLAMA_CONTEXT_LENGTH: "32768",
      OLLAMA_NUM_PARALLEL: "2",
      OLLAMA_KEEP_ALIVE: "-1",
      OLLAMA_NOPRUNE: "1",
      OLLAMA_NO_CLOUD: "1",
    });
    expect(container.mounts).toEqual([
      { kind: "bind", source: "/store", target: "/models", readOnly: true },
    ]);
  });
});

it("shows the container the blobs, and of the manifests only the one that caps its answers", () => {
  const model = {
    format: "gguf",
    ollamaManifest: "manifests/registry.ollama.ai/library/smollm2/135m",
    blobs: [{ digest: "sha256:1", bytes: 1 }],
  } as unknown as GgufModel;
  const mounts = (change: Partial<EngineInput>): readonly object[] =>
    ollama.container({ ...told, model, ...change }).mounts;
  expect(mounts({ maxOutputTokens: 512 })).toEqual([
    { kind: "bind", source: "/store/blobs", target: "/models/blobs", readOnly: true },
    {
      kind: "bind",
      source: expect.stringMatching(/^\/store\/capped\/[0-9a-f]{16}-512\/manifests$/),
      target: "/models/manifests",
      readOnly: true,
    },
  ]);
  // Another limit, or other blobs under the same name: another folder, and so another container.
  const others = [
    { maxOutputTokens: 513 },
    { model: { ...model, blobs: [{ digest: "sha256:2", bytes: 1 }] } as GgufModel },
  ];
  const sources = [{}, ...others].map((each) => JSON.stringify(mounts(each)));
  expect(new Set(sources).size).toBe(3);
});

describe("what the gateway lets through", () => {
  it.each(["pull", "push", "create", "delete", "copy", "blobs/sha256:1"])(
    "never /api/%s",
    (name) => {
      const through = ollama.paths.some((rule) =>
        "exact" in rule ? rule.exact === `/api/${name}` : `/api/${name}`.startsWith(rule.prefix),
      );
      expect(through).toBe(false);
    },
  );
});
