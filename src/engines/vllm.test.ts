import { describe, expect, it } from "vitest";
import type { ProbeAnswer } from "../gate/probe.ts";
import type { EngineInput } from "./engine.ts";
import { toolTemplate } from "./tool-template.ts";
import { vllm } from "./vllm.ts";

const facts = {
  architecture: "Qwen3ForCausalLM",
  trainedContext: 40_960,
  hasChatTemplate: true,
  templateHasTools: true,
};
const told: EngineInput = {
  model: { facts } as EngineInput["model"],
  servedName: "qwen3:8b",
  context: 32_768,
  parallel: 2,
  maxOutputTokens: 4096,
  storeDir: "/store",
  extraArgs: ["--seed", "1"],
  weightsPath: "/models/snapshots/qwen3",
  chatTemplate: "<think></think><tool_call>",
  kvBytesPerToken: 1000,
};
const withFacts = (change: object): EngineInput => ({
  ...told,
  model: { facts: { ...facts, ...change } } as EngineInput["model"],
});

function options(command: readonly string[]): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(
    command.flatMap((each, index) =>
      each.startsWith("--") ? [[each, command[index + 1]] as const] : [],
    ),
  );
}

describe("vLLM's arguments", () => {
  it("name a path, the window of one conversation, and the parsers of the model", () => {
    const { command } = vllm.container(told);
    expect(command[0]).toBe("/models/snapshots/qwen3");
    expect(options(command)).toMatchObject({
      "--served-model-name": "qwen3:8b",
      "--max-model-len": "32768",
      "--max-num-seqs": "2",
      "--tool-call-parser": "hermes",
      "--reasoning-parser": "qwen3",
      "--override-generation-config": '{"max_new_tokens":4096}',
      "--seed": "1",
    });
  });

  it.each([
    ["reserve what the window takes", told, "--kv-cache-memory-bytes", "65792000"],
    [
      "reserve half when that is not known",
      { ...told, kvBytesPerToken: undefined },
      "--gpu-memory-utilization",
      "0.5",
    ],
    [
      "leave that to vLLM on a GPU",
      { ...told, accelerator: "cuda" },
      "--kv-cache-memory-bytes",
      undefined,
    ],
  ] as const)("%s", (_title, input, option, value) => {
    expect(options(vllm.container(input).command)[option]).toBe(value);
  });

  it("spread the model over its GPUs, for the memory that is free there", () => {
    const on = (gpus: EngineInput["gpus"]) =>
      vllm.container({ ...told, accelerator: "cuda", gpus }) satisfies { shmBytes: number };
    const two = on({ given: 3, used: 2, memoryShare: 0.79 });
    expect(options(two.command)).toMatchObject({
      "--tensor-parallel-size": "2",
      "--gpu-memory-utilization": "0.79",
    });
    expect(two.shmBytes).toBe(2 * 1024 ** 3);
    const { command } = on({ given: 1, used: 1, memoryShare: undefined });
    expect(options(command)).not.toHaveProperty("--tensor-parallel-size");
    expect(options(command)).not.toHaveProperty("--gpu-memory-utilization");
  });

  it.each([
    [{ given: 3, used: 2, memoryShare: 0.79 }, ["Of 3 GPUs 2 compute"]],
    [{ given: 2, used: 2, memoryShare: 0.79 }, []],
    [undefined, []],
  ])("with %j come the warnings %j", (gpus, expected) => {
    const warnings = vllm.warnings({ ...told, accelerator: "cuda", gpus });
    expect(warnings).toEqual(expected.map((each) => expect.stringContaining(each)));
  });

  it("bring a template along for a model whose own drops tools", () => {
    const input = withFacts({ templateHasTools: false, chatFamily: "llama3" });
    expect(options(vllm.container(input).command)).toMatchObject({
      "--chat-template": toolTemplate("llama3"),
      "--tool-call-parser": "hermes",
    });
  });

  it.each([
    [32_768, undefined],
    [65_536, "1"],
  ])("with %i tokens allow more than was trained: %s", (context, value) => {
    const env: Readonly<Record<string, string>> = vllm.container({ ...told, context }).env;
    expect(env["VLLM_ALLOW_LONG_MAX_MODEL_LEN"]).toBe(value);
  });
});

describe("vLLM's container", () => {
  it("is offline, has shared memory, and runs nothing from its tmpfs on a CPU", () => {
    const { env, shmBytes, tmpfs } = vllm.container(told);
    expect(env).toMatchObject({ HF_HUB_OFFLINE: "1", VLLM_NO_USAGE_STATS: "1", HOME: "/tmp" });
    expect(shmBytes).toBeGreaterThanOrEqual(1024 ** 3);
    expect(tmpfs["/tmp"]).not.toContain("exec");
    expect(vllm.container({ ...told, accelerator: "cuda" }).tmpfs["/tmp"]).toContain("exec");
  });
});

describe("the ladder", () => {
  const answer = (status: number, body: unknown): ProbeAnswer => ({
    status,
    text: JSON.stringify(body),
  });
  it.each<readonly [number, string, ProbeAnswer, object]>([
    [
      0,
      "its version",
      answer(200, { version: "0.33.0" }),
      { kind: "ok", facts: { engineVersion: "0.33.0" } },
    ],
    [0, "still loading", answer(503, { error: { message: "not running" } }), { kind: "wait" }],
    [1, "healthy", { status: 200, text: "" }, { kind: "ok" }],
    [
      2,
      "listed with its true window",
      answer(200, { data: [{ id: "qwen3:8b", max_model_len: 32_768 }] }),
      { kind: "ok", facts: { contextLength: 32_768 } },
    ],
    [2, "another model", answer(200, { data: [{ id: "x" }] }), { kind: "fatal" }],
    [
      3,
      "a model without a chat template",
      answer(400, { error: { message: "default chat template is no longer allowed" } }),
      { kind: "fatal" },
    ],
  ])("rung %i judges: %s", (index, _title, given, verdict) => {
    expect(vllm.probes(told)[index]?.judge(given)).toMatchObject(verdict);
  });
});

describe("what the gateway lets through", () => {
  it.each(["/invocations", "/pause", "/update_weights", "/scale_elastic_ep", "/metrics"])(
    "never %s",
    (path) => {
      expect(vllm.paths.some((rule) => rule.exact === path)).toBe(false);
    },
  );
});
