import { describe, expect, it } from "vitest";
import type { ProbeAnswer } from "../gate/probe.ts";
import type { StoredModel } from "../models/model.ts";
import type { EngineInput } from "./engine.ts";
import { engineImage } from "./engine-image.ts";
import { llamacppProbes } from "./llamacpp-probes.ts";
import { llamacpp } from "./llamacpp.ts";
import { toolTemplate } from "./tool-template.ts";
import { containerWeightsPath } from "./store-mount.ts";

const DIGEST = `sha256:${"ab".repeat(32)}` as const;
const model: StoredModel = {
  format: "gguf",
  reference: "pypi:m==1",
  servedName: "m:1",
  ollamaManifest: "manifests/registry.ollama.ai/library/m/1",
  weights: { digest: DIGEST, bytes: 1 },
  blobs: [{ digest: DIGEST, bytes: 1 }],
  facts: {
    architecture: "llama",
    trainedContext: 8192,
    hasChatTemplate: true,
    templateHasTools: false,
    chatFamily: "chatml",
  },
  fetchedAt: "2026-11-25T00:00:00.000Z",
};
const told: EngineInput = {
  model,
  servedName: "m:1",
  context: 8192,
  parallel: 2,
  maxOutputTokens: 2048,
  storeDir: "/store",
  extraArgs: ["--seed", "1"],
  weightsPath: containerWeightsPath(model),
  cpus: 4,
};

/** The arguments, each option with the value that follows it. */
function options(input: EngineInput): Readonly<Record<string, string | undefined>> {
  const command = llamacpp.container(input).command;
  return Object.fromEntries(
    command.flatMap((each, index) =>
      each.startsWith("--") ? [[each, command[index + 1]] as const] : [],
    ),
  );
}

describe("the arguments of llama-server", () => {
  it("give each conversation the whole window, and the model by its blob", () => {
    expect(options(told)).toMatchObject({
      "--model": `/models/blobs/sha256-${"ab".repeat(32)}`,
      "--alias": "m:1",
      "--ctx-size": "16384",
      "--parallel": "2",
      "--n-predict": "2048",
      "--seed": "1",
    });
  });

  it.each([
    [undefined, undefined],
    [1, "1"],
    [2, "1"],
    [16, "15"],
  ])("with %s processors compute with %s threads", (cpus, threads) => {
    expect(options({ ...told, cpus })["--threads"]).toBe(threads);
  });

  it.each([
    [8192, undefined],
    [32_768, "llama.context_length=int:32768"],
  ])("for a window of %i override %s", (context, override) => {
    expect(options({ ...told, context })["--override-kv"]).toBe(override);
  });

  it.each([
    ["its own drops tools", {}, toolTemplate("chatml")],
    ["its own has tools", { templateHasTools: true }, undefined],
    ["its family is unknown", { chatFamily: undefined }, undefined],
  ])("give a template when %s", (_title, change, template) => {
    const facts = { ...model.facts, ...change };
    expect(options({ ...told, model: { ...model, facts } })["--chat-template"]).toBe(template);
    expect(llamacpp.takesTools({ ...model, facts })).toBe(
      template !== undefined || facts.templateHasTools,
    );
  });
});

describe("its images", () => {
  it.each([
    ["cpu", "server-v0.7.0", "llamacpp"],
    ["cuda", "server-cuda13-v0.7.0", undefined],
    ["rocm", "server-rocm-v0.7.0", undefined],
    ["vulkan", "server-vulkan-v0.7.0", undefined],
  ] as const)("on %s: %s", (accelerator, tag, recipe) => {
    expect(engineImage(llamacpp, accelerator)).toMatchObject({ tag, recipe });
  });
});

describe("the ladder", () => {
  const answer = (status: number, body: unknown): ProbeAnswer => ({
    status,
    text: typeof body === "string" ? body : JSON.stringify(body),
  });
  const loading = {
    error: { code: 503, message: "Loading model", type: "unavailable_error" },
  };
  const away = { error: { message: "The engine is not running.", code: "engine_down" } };

  it.each<readonly [number, string, ProbeAnswer, object]>([
    [0, "up while it loads", answer(503, loading), { kind: "ok" }],
    [0, "not up: the gateway speaks", answer(503, away), { kind: "wait" }],
    [1, "loading", answer(503, loading), { kind: "wait", why: "HTTP 503: Loading model" }],
    [1, "healthy", answer(200, { status: "ok" }), { kind: "ok" }],
    [
      2,
      "the window of one conversation",
      answer(200, {
        default_generation_settings: { n_ctx: 8192 },
        total_slots: 2,
        build_info: "b11669-Debian",
      }),
      { kind: "ok", facts: { contextLength: 8192, parallel: 2, engineVersion: "b11669-Debian" } },
    ],
    [2, "no properties yet", answer(503, loading), { kind: "wait" }],
    [3, "listed", answer(200, { data: [{ id: "m:1" }] }), { kind: "ok" }],
    [
      3,
      "another model",
      answer(200, { data: [{ id: "x" }] }),
      { kind: "fatal", why: "llama-server serves x and not m:1" },
    ],
    [4, "a token", answer(200, 'data: {"choices":[{"delta":{}}]}\n\n'), { kind: "ok" }],
    [
      4,
      "a template that fails",
      answer(400, { error: { message: "Jinja Exception: roles must alternate" } }),
      { kind: "fatal", next: "stack up --model <another>" },
    ],
    [
      4,
      "a window that is too small for the template alone",
      answer(400, { error: { message: "request (90 tokens) exceeds the available context size" } }),
      { kind: "fatal", next: "stack up --context <more>" },
    ],
  ])("rung %i judges: %s", (index, _title, given, verdict) => {
    expect(llamacppProbes(told)[index]?.judge(given)).toMatchObject(verdict);
  });
});

describe("what the gateway lets through", () => {
  it.each([
    "/completion",
    "/slots",
    "/slots/0",
    "/lora-adapters",
    "/apply-template",
    "/models/load",
  ])("never %s", (path) => {
    expect(llamacpp.paths.some((rule) => rule.exact === path)).toBe(false);
  });

  it("reads properties and never writes them", () => {
    expect(llamacpp.paths.find(({ exact }) => exact === "/props")?.methods).toEqual(["GET"]);
  });
});
