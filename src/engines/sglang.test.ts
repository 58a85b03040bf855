import { describe, expect, it } from "vitest";
import type { ProbeAnswer } from "../gate/probe.ts";
import type { EngineInput } from "./engine.ts";
import { sglang } from "./sglang.ts";

const facts = { architecture: "qwen3", trainedContext: 40_960, templateHasTools: true };
const told: EngineInput = {
  model: { facts } as EngineInput["model"],
  servedName: "qwen3-8b",
  context: 32_768,
  parallel: 2,
  maxOutputTokens: 4096,
  storeDir: "/store",
  extraArgs: [],
  weightsPath: "/models/snapshots/qwen3",
  chatTemplate: "<think></think><tool_call>",
};
const withTemplate = (architecture: string, chatTemplate: string): EngineInput => ({
  ...told,
  model: { facts: { ...facts, architecture } } as EngineInput["model"],
  chatTemplate,
});
const option = (input: EngineInput, name: string): string | undefined => {
  const { command } = sglang.container(input);
  return command.includes(name) ? command[command.indexOf(name) + 1] : undefined;
};

describe("SGLang's arguments", () => {
  it.each([
    ["<think><tool_call><function=", "qwen3_coder", "qwen3"],
    ["<|start_header_id|>", "llama3", undefined],
  ])("name the parsers for %s", (chatTemplate, tool, reasoning) => {
    const input = { ...told, chatTemplate };
    expect(option(input, "--tool-call-parser")).toBe(tool);
    expect(option(input, "--reasoning-parser")).toBe(reasoning);
  });

  it("on a processor ask for its code there, and for a pool that holds every window whole", () => {
    const { env } = sglang.container(told);
    expect(env).toMatchObject({ SGLANG_USE_CPU_ENGINE: "1", HF_HUB_OFFLINE: "1" });
    expect(option(told, "--device")).toBe("cpu");
    // It takes no prompt that leaves less than six tokens of the pool.
    expect(Number(option(told, "--max-total-tokens"))).toBeGreaterThanOrEqual(2 * 32_768 + 6);
  });

  it("on GPUs leave the pool to it, and deal the model out to those that are used", () => {
    const gpus = { given: 3, used: 2, memoryShare: undefined };
    const input = { ...told, accelerator: "cuda", gpus } as const;
    expect(option(input, "--tp-size")).toBe("2");
    expect(sglang.container(input).shmBytes).toBe(2 * 1024 ** 3);
    expect(sglang.warnings(input)).toContainEqual(expect.stringContaining("Of 3 GPUs 2 compute"));
    expect(option(input, "--device")).toBeUndefined();
    expect(option(input, "--max-total-tokens")).toBeUndefined();
    expect(sglang.container(input).env).not.toHaveProperty("SGLANG_USE_CPU_ENGINE");
  });

  it.each([
    [40_960, undefined],
    [65_536, "1"],
  ])("a window of %i tokens: overwrites what it was trained for: %s", (context, allowed) => {
    const { env } = sglang.container({ ...told, context });
    expect(env).toMatchObject({
      ...(allowed && { SGLANG_ALLOW_OVERWRITE_LONGER_CONTEXT_LEN: allowed }),
    });
    if (allowed === undefined) expect(Object.keys(env).join()).not.toContain("OVERWRITE");
  });
});

/** In ToolCallParserEnum of python/sglang/srt/function_call/function_call_parser.py, 0.5.21. */
const TOOL = new Set(
  "apertus2509 cohere_command4 deepseekv3 deepseekv31 deepseekv32 deepseekv4 deepseekv41 dots glm glm45 glm47 gpt-oss k2_horizon kimi_k2 kimi_k3 lfm2 ling3 llama3 mimo minicpm5 mistral muse poolside_v1 pythonic qwen qwen25 qwen3_coder spark25 step3 step3p5 minimax-m2 minimax-m3 nanbeige trinity interns1 hermes hunyuan gigachat3 gigachat35 gemma4 inkling iquest_q1".split(
    " ",
  ),
);
/** In DetectorMap of python/sglang/srt/parser/reasoning_parser.py, 0.5.21. */
const REASONING = new Set(
  "apertus2509 deepseek-r1 deepseek-v3 deepseek-v4 deepseek-v41 dots glm45 ling3 hunyuan gpt-oss k2_horizon kimi kimi_k2 kimi_k3 mimo muse poolside_v1 qwen3 qwen3-thinking minimax minimax-append-think minimax-m3 nanbeige step3 step3p5 mistral nemotron_3 granite_thinking_parser interns1 gemma4 gigachat35 inkling iquest_q1 cohere_command4".split(
    " ",
  ),
);

describe("SGLang's parser for calls", () => {
  it.each([
    ["Qwen3", "qwen3", "<think><tool_call>", "hermes"],
    ["Granite 4, in the form of Hermes", "granitemoehybrid", "<tool_call>", "hermes"],
    ["Llama 4", "llama4", "<|header_start|>", "pythonic"],
    ["GLM", "glm4_moe", "<think><tool_call><arg_key>", "glm47"],
    ["gpt-oss", "gpt_oss", "<|channel|>", "gpt-oss"],
    ["Kimi K2", "kimi_k2", "<|tool_calls_section_begin|>thinking", "kimi_k2"],
    ["MiniMax M2", "minimax", "<think><minimax:tool_call>", "minimax-m2"],
    ["DeepSeek V3.1", "deepseek_v3", "<think><｜tool▁calls▁begin｜>", "deepseekv31"],
    ["InternLM", "internlm2", "<|action_start|>", "interns1"],
    ["LFM2", "lfm2", "<|tool_call_start|>", "lfm2"],
    ["Gemma 4", "gemma4", "<|channel><|tool_call>", "gemma4"],
    ["Mistral", "mistral", "[TOOL_CALLS]", "mistral"],
  ])("of %s", (_title, architecture, chatTemplate, tool) => {
    const input = withTemplate(architecture, chatTemplate);
    expect(option(input, "--tool-call-parser")).toBe(tool);
    expect(TOOL).toContain(tool);
    const reasoning = option(input, "--reasoning-parser");
    if (/think|channel/.test(chatTemplate)) expect(REASONING).toContain(reasoning);
    expect(sglang.warnings(input)).toEqual([]);
  });

  it.each([
    ["Granite 3", "granite", "<|tool_call|>"],
    ["Seed-OSS", "seed_oss", "<seed:tool_call>"],
    ["OLMo 3", "olmo3", "<function_calls>"],
    ["Phi-4-mini", "phi3", "<|tool|>"],
    ["LongCat", "longcat_flash", "<longcat_tool_call>"],
    ["FunctionGemma", "gemma3_text", "<start_function_call>"],
    ["a form that nobody knows", "new", "{{ tools }}"],
  ])("of %s is a guess, which is told", (_title, architecture, chatTemplate) => {
    const input = withTemplate(architecture, chatTemplate);
    expect(option(input, "--tool-call-parser")).toBe("hermes");
    expect(sglang.warnings(input)).toEqual([expect.stringContaining("--tool-call-parser NAME")]);
    const named = { ...input, extraArgs: ["--tool-call-parser", "mine"] };
    expect(sglang.warnings(named)).toEqual([]);
  });
});

describe("the name that SGLang serves a model by", () => {
  it.each([
    ["snap:latest", "snap"],
    ["qwen3:8b", "qwen3-8b"],
    ["hf.co/Qwen/Qwen3-8B:latest", "hf.co/Qwen/Qwen3-8B"],
  ])("%s: %s", (name, served) => {
    expect(sglang.servedName(name)).toBe(served);
  });
});

describe("SGLang's ladder", () => {
  const answer = (status: number, body: unknown): ProbeAnswer => ({
    status,
    text: JSON.stringify(body),
  });
  it.each<readonly [number, string, ProbeAnswer, object]>([
    [0, "not warm yet", { status: 503, text: "" }, { kind: "wait" }],
    [0, "up", { status: 200, text: "" }, { kind: "ok" }],
    [
      1,
      "its version",
      answer(200, { version: "0.5.21", context_length: 8192 }),
      { kind: "ok", facts: { engineVersion: "0.5.21" } },
    ],
    [
      1,
      "a pool that holds the window",
      answer(200, { version: "0.5.21", context_length: 32_768, max_req_input_len: 32_762 }),
      { kind: "ok", facts: { engineVersion: "0.5.21" } },
    ],
    [
      1,
      "a pool of 30,000 tokens",
      answer(200, { version: "0.5.21", context_length: 32_768, max_req_input_len: 29_994 }),
      {
        kind: "ok",
        facts: {
          engineVersion: "0.5.21",
          contextLimit: 30_000,
          contextRefused: expect.stringContaining("pool"),
        },
      },
    ],
    [
      2,
      "listed with its true window",
      answer(200, { data: [{ id: "qwen3-8b", max_model_len: 32_768 }] }),
      { kind: "ok", facts: { contextLength: 32_768 } },
    ],
    [2, "another model", answer(200, { data: [{ id: "x" }] }), { kind: "fatal" }],
    [
      3,
      "a model without a chat template",
      answer(400, { object: "error", message: "This model has no chat template." }),
      { kind: "fatal" },
    ],
  ])("rung %i judges: %s", (index, _title, given, verdict) => {
    expect(sglang.probes(told)[index]?.judge(given)).toEqual(expect.objectContaining(verdict));
  });
});

describe("what the gateway lets through to SGLang", () => {
  it.each(["/generate", "/flush_cache", "/update_weights_from_disk", "/load_lora_adapter"])(
    "is never %s",
    (path) => {
      expect(sglang.paths.some((rule) => rule.exact === path)).toBe(false);
    },
  );
});

it.each([
  "The input (40030 tokens) is longer than the model's context length (32768 tokens).",
  "Requested token count exceeds the model's maximum context length of 32768 tokens.",
  "Input length (32763 tokens) exceeds the maximum allowed length (32762 tokens).",
  "Multimodal prompt is too long after expanding multimodal tokens.",
])("a prompt that is too long for SGLang is known by its words: %s", (words) => {
  expect(sglang.overflowMarks.some((mark) => words.includes(mark))).toBe(true);
});
