import { describe, expect, it } from "vitest";
import type { EngineInput } from "./engine.ts";
import { parserWarnings, vllmParsers } from "./vllm-parsers.ts";

/** Registered in vllm/tool_parsers and vllm/reasoning of 0.32.0. */
const TOOL = new Set(
  "dots deepseek_v3 deepseek_v31 deepseek_v32 deepseek_v4 deepseek_v41 cohere_command3 cohere_command4 ernie45 glm45 glm47 ling3 granite-20b-fc granite granite4 hermes hf poolside_v1 hunyuan_a13b hy_v3 hy_v4 internlm jamba lfm2 kimi_k2 kimi_k3 k2_horizon llama3_json llama4_json llama4_pythonic longcat mimo minimax_m2 minimax_m3 minicpm5 mistral olmo3 plamo3 muse_glimmer openai phi4_mini_json pythonic qwen3_coder qwen3_json qwen3_xml seed_oss step3 step3p5 inkling xlam gigachat3 functiongemma gemma4 apertus".split(
    " ",
  ),
);
const REASONING = new Set(
  "deepseek_r1 deepseek_v3 deepseek_v4 deepseek_v41 poolside_v1 cohere_command3 cohere_command4 ernie45 gemma4 glm45 glm47 ling3 openai_gptoss granite granite_thinking_parser hf holo2 hunyuan_a13b hy_v3 hy_v4 kimi_k2 kimi_k3 k2_horizon mimo minicpmv minimax_m2 minimax_m2_append_think minimax_m3 mistral nemotron_v3 olmo3 plamo3 muse_glimmer qwen3 seed_oss step3 step3p5 inkling".split(
    " ",
  ),
);

describe("the parsers of a model", () => {
  it.each([
    ["Qwen2.5", "Qwen2ForCausalLM", "<tool_call>\n{", "hermes", undefined],
    ["Qwen3", "Qwen3ForCausalLM", "<think> … <tool_call>\n{", "hermes", "qwen3"],
    ["Qwen3 Instruct 2507", "Qwen3ForCausalLM", "<tool_call>\n{", "hermes", undefined],
    ["Qwen3-Coder", "Qwen3MoeForCausalLM", "<tool_call>\n<function=x>", "qwen3_xml", undefined],
    ["Qwen3.5", "Qwen3_5ForConditionalGeneration", "<think><function=", "qwen3_xml", "qwen3"],
    [
      "Llama 3.1",
      "LlamaForCausalLM",
      "<|start_header_id|><|python_tag|>",
      "llama3_json",
      undefined,
    ],
    ["Llama 4", "Llama4ForConditionalGeneration", "<|header_start|>", "llama4_pythonic", undefined],
    ["Mistral", "MistralForCausalLM", "[TOOL_CALLS]", "mistral", undefined],
    ["gpt-oss", "GptOssForCausalLM", "<|start|><|channel|>", "openai", "openai_gptoss"],
    ["GLM 4.7", "Glm4MoeForCausalLM", "<think><tool_call>{n}<arg_key>", "glm47", "glm47"],
    [
      "DeepSeek R1",
      "DeepseekV3ForCausalLM",
      "<think><｜tool▁calls▁begin｜>```json",
      "deepseek_v3",
      "deepseek_r1",
    ],
    [
      "DeepSeek V3.1",
      "DeepseekV3ForCausalLM",
      "<think><｜tool▁calls▁begin｜>",
      "deepseek_v31",
      "deepseek_v3",
    ],
    ["Granite 4", "GraniteMoeHybridForCausalLM", "<tool_call>", "granite4", undefined],
    ["Kimi K2", "DeepseekV3ForCausalLM", "<|tool_calls_section_begin|>", "kimi_k2", undefined],
    ["Gemma 4", "Gemma4ForConditionalGeneration", "<|channel><|tool_call>", "gemma4", "gemma4"],
  ])("%s", (_title, architecture, chatTemplate, tool, reasoning) => {
    const found = vllmParsers({ architecture, chatTemplate });
    expect(found).toEqual({
      tool,
      guessed: false,
      ...(reasoning === undefined ? {} : { reasoning }),
    });
    expect(TOOL).toContain(found.tool);
    if (found.reasoning !== undefined) expect(REASONING).toContain(found.reasoning);
  });

  it.each([undefined, "", "{{ messages }}"])(
    "of an unknown one are a guess: %j",
    (chatTemplate) => {
      expect(vllmParsers({ architecture: "NewForCausalLM", chatTemplate })).toEqual({
        tool: "hermes",
        guessed: true,
      });
    },
  );
});

it.each([
  ["tools in a form of its own", { templateHasTools: true }, "{{ tools }}", [], 1],
  ["tools in a known form", { templateHasTools: true }, "<tool_call>", [], 0],
  [
    "a parser that the user names",
    { templateHasTools: true },
    "{{ tools }}",
    ["--tool-call-parser=x"],
    0,
  ],
  // It gets ours.
  ["no tools", { templateHasTools: false }, "{{ messages }}", [], 0],
])("warns of what it guesses: %s", (_title, facts, chatTemplate, extraArgs, warnings) => {
  const model = { facts } as EngineInput["model"];
  expect(parserWarnings({ model, chatTemplate, extraArgs }, vllmParsers)).toHaveLength(warnings);
});
