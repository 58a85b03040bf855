import { type ModelText, type Parsers, vllmParsers } from "./vllm-parsers.ts";

/** Its parsers under vLLM's names for the same; python/sglang/srt/function_call/function_call_parser.py, 0.5.21. */
const TOOL: Readonly<Record<string, string>> = {
  openai: "gpt-oss",
  deepseek_v3: "deepseekv3",
  deepseek_v31: "deepseekv31",
  deepseek_v32: "deepseekv32",
  internlm: "interns1",
  llama3_json: "llama3",
  llama4_pythonic: "pythonic",
  minimax_m2: "minimax-m2",
  qwen3_xml: "qwen3_coder",
  gemma4: "gemma4",
  glm47: "glm47",
  // JSON in the same marks.
  granite4: "hermes",
  hermes: "hermes",
  kimi_k2: "kimi_k2",
  lfm2: "lfm2",
  mistral: "mistral",
};

/** As above; python/sglang/srt/parser/reasoning_parser.py. */
const REASONING: Readonly<Record<string, string>> = {
  deepseek_r1: "deepseek-r1",
  deepseek_v3: "deepseek-v3",
  gemma4: "gemma4",
  glm47: "glm45",
  kimi_k2: "kimi_k2",
  minimax_m2: "minimax",
  openai_gptoss: "gpt-oss",
  qwen3: "qwen3",
};

/** As `vllmParsers`; what SGLang has no parser for is a guess, too. */
export function sglangParsers(model: ModelText): Parsers {
  const found = vllmParsers(model);
  const tool = TOOL[found.tool];
  const reasoning = REASONING[found.reasoning ?? ""];
  return {
    tool: tool ?? "hermes",
    guessed: found.guessed || tool === undefined,
    ...(reasoning === undefined ? {} : { reasoning }),
  };
}
