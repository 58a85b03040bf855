import * as z from "zod";
import type { Probe } from "../gate/probe.ts";
import { sglangGpuShare } from "../plan/gpu/share.ts";
import type { ContainerEngine, EngineInput } from "./engine.ts";
import { FIRST_MS, firstTokenProbe, listedProbe, notYet, QUICK_MS } from "./openai-probes.ts";
import { get, OPENAI_PATHS } from "./openai-paths.ts";
import { COMPILED_TMP, PYTORCH_ENV, SHM_BYTES } from "./pytorch-container.ts";
import { storeMount } from "./store-mount.ts";
import { parserWarnings, vllmParsers } from "./vllm-parsers.ts";

const PORT = 30_000;

/** SGLang. Reads what vLLM reads. Written from its documentation, not run: docs/engines/sglang.md. */
export const sglang = {
  kind: "container",
  name: "sglang",
  title: "SGLang",
  port: PORT,
  format: "safetensors",
  image: {
    repository: "lmsysorg/sglang",
    tag: "v0.5.21",
    built: undefined,
    recipe: undefined,
  },
  // Objects from the network that are unpickled, up to 0.5.20.
  securityFloor: {
    version: "0.5.21",
    source: "https://www.cve.org/CVERecord?id=CVE-2026-93034",
  },
  // Paths that load weights, adapters and pickled tensors have been holes again and again: none of them is here.
  paths: [...OPENAI_PATHS, get("/health")],
  overflowMark: "longer than the model's context length",
  // It takes templates by file only, and the store holds none of ours.
  takesTools: ({ facts }) => facts.templateHasTools,
  probes: sglangProbes,
  gpuShare: { kind: "log", read: sglangGpuShare },
  warnings: parserWarnings,
  container: (input) => ({
    entrypoint: ["python3", "-m", "sglang.launch_server"],
    command: [...launchArguments(input), ...input.extraArgs],
    env: environment(input),
    mounts: [storeMount(input)],
    tmpfs: { "/tmp": COMPILED_TMP },
    shmBytes: SHM_BYTES,
  }),
} as const satisfies ContainerEngine;

function launchArguments(input: EngineInput): readonly string[] {
  const { context, parallel, servedName, weightsPath, accelerator = "cpu" } = input;
  return [
    weightsPath === undefined ? [] : ["--model-path", weightsPath],
    ["--served-model-name", servedName],
    ["--host", "0.0.0.0", "--port", `${PORT}`],
    ["--context-length", `${context}`, "--max-running-requests", `${parallel}`],
    toolArguments(input),
    accelerator === "cpu" ? ["--device", "cpu"] : [],
  ].flat();
}

/** Its parsers under vLLM's names for the same; python/sglang/srt/function_call/function_call_parser.py. */
const TOOL_PARSERS: Readonly<Record<string, string>> = {
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
  hermes: "hermes",
  kimi_k2: "kimi_k2",
  lfm2: "lfm2",
  mistral: "mistral",
};

/** As above; python/sglang/srt/parser/reasoning_parser.py. */
const REASONING_PARSERS: Readonly<Record<string, string>> = {
  deepseek_r1: "deepseek-r1",
  deepseek_v3: "deepseek-v3",
  glm47: "glm45",
  kimi_k2: "kimi_k2",
  minimax_m2: "minimax",
  openai_gptoss: "gpt-oss",
  qwen3: "qwen3",
};

function toolArguments({ model, chatTemplate }: EngineInput): readonly string[] {
  const found = vllmParsers({ architecture: model?.facts.architecture ?? "", chatTemplate });
  const tool = TOOL_PARSERS[found.tool] ?? "hermes";
  const reasoning = REASONING_PARSERS[found.reasoning ?? ""];
  return reasoning === undefined
    ? ["--tool-call-parser", tool]
    : ["--tool-call-parser", tool, "--reasoning-parser", reasoning];
}

function environment({ context, model }: EngineInput): Readonly<Record<string, string>> {
  return {
    ...PYTORCH_ENV,
    ...(context > (model?.facts.trainedContext ?? context)
      ? { SGLANG_ALLOW_OVERWRITE_LONGER_CONTEXT_LEN: "1" }
      : {}),
  };
}

/** up and healthy (the same question: its port opens before the weights are loaded, and then says 503) → listed → first token. */
function sglangProbes({ servedName: model }: EngineInput): readonly Probe[] {
  const health = { method: "GET", path: "/health", read: "whole" } as const;
  const judge: Probe["judge"] = (answer) =>
    answer.status === 200 ? { kind: "ok" } : notYet(answer);
  return [
    { rung: "up", request: health, judge, attemptMs: FIRST_MS },
    { rung: "healthy", request: health, judge, attemptMs: QUICK_MS },
    listedProbe({
      model,
      title: "SGLang",
      entry: z.object({ id: z.string(), max_model_len: z.int().positive().nullish() }),
      contextOf: (found) => found.max_model_len ?? undefined,
    }),
    firstTokenProbe(model, [[/chat template/i, "Choose a model that was made to chat."]]),
  ];
}
