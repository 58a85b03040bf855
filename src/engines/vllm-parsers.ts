import type { EngineInput } from "./engine.ts";

export interface ModelText {
  /** As the hub's `config.json` names it under `architectures`, or its `model_type`. */
  readonly architecture: string;
  /** Jinja, as the model's makers wrote it; undefined when it has none. */
  readonly chatTemplate: string | undefined;
}

export interface Parsers {
  /** For `--tool-call-parser`. */
  readonly tool: string;
  /** For `--reasoning-parser`. */
  readonly reasoning?: string;
  /** The engine has no parser, or we know none, for what the template writes: `hermes` makes requests with tools accepted, and calls in another form stay text. */
  readonly guessed: boolean;
}

interface Row {
  /** What the template writes around a call. */
  readonly mark: string;
  /** Where two families have the same mark. */
  readonly architecture?: RegExp;
  readonly tool: string;
  readonly reasoning?: string;
}

/**
 * First match counts. Names and models: vLLM's docs/features/tool_calling.md and reasoning_outputs.md; the marks: what each parser looks
 * for in vllm/tool_parsers and vllm/parser of 0.32.0, where all these names are registered.
 */
const ROWS: readonly Row[] = [
  { mark: "<|channel|>", tool: "openai", reasoning: "openai_gptoss" },
  { mark: "[TOOL_CALLS]", tool: "mistral" },
  { mark: "DSML", tool: "deepseek_v32", reasoning: "deepseek_v3" },
  { mark: "<|tool_calls_section_begin|>", tool: "kimi_k2", reasoning: "kimi_k2" },
  { mark: "<minimax:tool_call>", tool: "minimax_m2", reasoning: "minimax_m2" },
  { mark: "<seed:tool_call>", tool: "seed_oss", reasoning: "seed_oss" },
  { mark: "<longcat_tool_call>", tool: "longcat" },
  { mark: "<|tool_call_start|>", tool: "lfm2" },
  { mark: "<start_function_call>", tool: "functiongemma" },
  { mark: "<|tool_call>", tool: "gemma4", reasoning: "gemma4" },
  { mark: "<|action_start|>", tool: "internlm" },
  { mark: "<function_calls>", architecture: /olmo/i, tool: "olmo3", reasoning: "olmo3" },
  { mark: "<|tool|>", architecture: /phi/i, tool: "phi4_mini_json" },
  { mark: "<|tool_call|>", architecture: /granite/i, tool: "granite", reasoning: "granite" },
  { mark: "<tool_call>", architecture: /granite/i, tool: "granite4" },
  { mark: "<arg_key>", architecture: /glm/i, tool: "glm47", reasoning: "glm47" },
  { mark: "<function=", tool: "qwen3_xml", reasoning: "qwen3" },
  { mark: "<tool_call>", architecture: /qwen3/i, tool: "hermes", reasoning: "qwen3" },
  { mark: "<tool_call>", tool: "hermes" },
  { mark: "<|header_start|>", architecture: /llama-?4/i, tool: "llama4_pythonic" },
  { mark: "<|python_tag|>", tool: "llama3_json" },
  { mark: "<|start_header_id|>", tool: "llama3_json" },
];

/** DeepSeek wrote calls as a block of JSON until V3.1, and after it bare. */
function deepseek(template: string): Parsers {
  return template.includes("```json")
    ? { tool: "deepseek_v3", reasoning: "deepseek_r1", guessed: false }
    : { tool: "deepseek_v31", reasoning: "deepseek_v3", guessed: false };
}

/** Which of vLLM's parsers reads the calls and thoughts of a model, by what its own chat template writes. Without thoughts in the template there is no reasoning parser. */
export function vllmParsers({ architecture, chatTemplate = "" }: ModelText): Parsers {
  if (chatTemplate.includes("<｜tool▁calls▁begin｜>"))
    return thinking(deepseek(chatTemplate), chatTemplate);
  const row = ROWS.find(
    (each) => chatTemplate.includes(each.mark) && (each.architecture?.test(architecture) ?? true),
  );
  if (row === undefined) return { tool: "hermes", guessed: true };
  const { tool, reasoning } = row;
  return thinking(
    { tool, guessed: false, ...(reasoning === undefined ? {} : { reasoning }) },
    chatTemplate,
  );
}

/** For a model that has tools in its template, in a form whose parser is a guess; not for a parser that the user names. */
export function parserWarnings(
  { model, chatTemplate, extraArgs }: Pick<EngineInput, "model" | "chatTemplate" | "extraArgs">,
  parsers: (model: ModelText) => Pick<Parsers, "guessed">,
): readonly string[] {
  const { architecture = "", templateHasTools = false } = model?.facts ?? {};
  const named = extraArgs.some((each) => each.startsWith("--tool-call-parser"));
  if (!templateHasTools || named || !parsers({ architecture, chatTemplate }).guessed) return [];
  return [
    "No parser is known here for how this model writes calls of tools: they may come as text. Name one: -- --tool-call-parser NAME",
  ];
}

const THOUGHTS = /<think>|<\|channel\|?>|thinking|reasoning/i;

/** A parser of thoughts for a model that has none takes its whole answer for one. */
function thinking(parsers: Parsers, template: string): Parsers {
  const { reasoning, ...rest } = parsers;
  return reasoning === undefined || !THOUGHTS.test(template) ? rest : { ...rest, reasoning };
}
