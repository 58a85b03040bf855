import * as z from "zod";
import type { Probe } from "../gate/probe.ts";
import { vllmGpuShare } from "../plan/gpu/share.ts";
import type { ContainerEngine, EngineInput } from "./engine.ts";
import {
  FIRST_MS,
  type FatalWords,
  firstTokenProbe,
  listedProbe,
  notYet,
  QUICK_MS,
  versionProbe,
} from "./openai-probes.ts";
import { AGENT_PATHS, COUNTING_PATHS, get, OPENAI_PATHS } from "./openai-paths.ts";
import { COMPILED_TMP, gpuWarnings, PYTORCH_ENV, shmBytes } from "./pytorch-container.ts";
import { storeMount } from "./store-mount.ts";
import { toolTemplate } from "./tool-template.ts";
import { parserWarnings, vllmParsers } from "./vllm-parsers.ts";
import { type TemplateHabits, withoutTemplate } from "./without-template.ts";

const VERSION = "0.33.0";
const PORT = 8000;

/** Tokens of the cache beyond the window: it is laid out in blocks of up to 128, and one of them stays empty. */
const SPARE_TOKENS = 256;

const TEMPLATES: TemplateHabits = {
  title: "vLLM",
  // vllm/transformers_utils/chat_templates/registry.py, and the tokenizer modes that vllm/config/model.py sets by architecture
  // (`git` is Grok 2); 0.32.0 and the versions around it.
  rendered:
    /^(?:blip-2|chameleon|clip|colpali|deepseek_|florence2|fuyu|git$|inkling|kimi_(?:audio|k3)|minicpmv|paligemma|qwen$|rwkv7|siglip|unlimited[-_]ocr)/,
  takesOurs: true,
  // By its text: the container sees no file of the user's.
  next: 'stack up --model <its instruct variant>\nstack up vllm -- --chat-template "$(cat FILE)"',
};

/** vLLM. Reads a folder of safetensors with its tokenizer. */
export const vllm = {
  kind: "container",
  name: "vllm",
  title: "vLLM",
  port: PORT,
  format: "safetensors",
  // Tags: docs/engines/vllm.md. PyPI's newest build for CPUs is 0.32.0: that is what the recipe makes.
  image: {
    repository: "vllm/vllm-openai-cpu",
    tag: `v${VERSION}`,
    built: "stack/vllm:0.32.0",
    recipe: "vllm",
  },
  acceleratedImages: {
    // CUDA 13 since 0.20.0: https://github.com/vllm-project/vllm/issues/42738.
    cuda: { repository: "vllm/vllm-openai", tag: `v${VERSION}`, cuda: 13 },
    rocm: { repository: "vllm/vllm-openai-rocm", tag: `v${VERSION}` },
  },
  // A request's chat template that is rendered without limits.
  securityFloor: {
    version: "0.32.0",
    source: "https://github.com/advisories/GHSA-542m-9234-8gvf",
  },
  // Its own API key would cover /v1 only: /invocations, /pause, /update_weights, /scale_elastic_ep and more have none.
  paths: [...OPENAI_PATHS, ...AGENT_PATHS, ...COUNTING_PATHS, get("/health"), get("/version")],
  overflowMarks: ["maximum context length"],
  // vllm/v1/engine/core.py; and what its server's process ends with when its arguments don't go together with the model.
  givesUp:
    /(?:EngineCore|WorkerProc) (?:failed to start|encountered a fatal error)\.|ValidationError: \d+ validation error|KeyError: 'invalid \w+/,
  takesTools: ({ facts }) => facts.templateHasTools || facts.chatFamily !== undefined,
  probes: vllmProbes,
  gpuShare: { kind: "log", read: vllmGpuShare },
  unservable: (input) => withoutTemplate(TEMPLATES, input),
  warnings: (input) => [...parserWarnings(input, vllmParsers), ...gpuWarnings(input)],
  container: (input) => ({
    entrypoint: ["vllm", "serve"],
    command: [...serveArguments(input), ...input.extraArgs],
    env: environment(input),
    mounts: [storeMount(input)],
    tmpfs: { "/tmp": onCpu(input) ? "size=1g,mode=1777" : COMPILED_TMP },
    shmBytes: shmBytes(input),
  }),
} as const satisfies ContainerEngine;

function onCpu({ accelerator = "cpu" }: EngineInput): boolean {
  return accelerator === "cpu";
}

function serveArguments(input: EngineInput): readonly string[] {
  const { context, parallel, maxOutputTokens, servedName, weightsPath } = input;
  return [
    // A path, never a name: names are looked up on the Hub.
    weightsPath === undefined ? [] : [weightsPath],
    ["--served-model-name", servedName],
    ["--host", "0.0.0.0", "--port", `${PORT}`],
    ["--max-model-len", `${context}`, "--max-num-seqs", `${parallel}`],
    ["--override-generation-config", JSON.stringify({ max_new_tokens: maxOutputTokens })],
    ["--enable-auto-tool-choice"],
    toolArguments(input),
    onCpu(input) ? ["--enforce-eager", ...cache(input)] : onGpus(input),
  ].flat();
}

function toolArguments({ model, chatTemplate }: EngineInput): readonly string[] {
  const { architecture = "", templateHasTools = true, chatFamily } = model?.facts ?? {};
  if (!templateHasTools && chatFamily !== undefined) {
    return ["--tool-call-parser", "hermes", "--chat-template", toolTemplate(chatFamily)];
  }
  const { tool, reasoning } = vllmParsers({ architecture, chatTemplate });
  return reasoning === undefined
    ? ["--tool-call-parser", tool]
    : ["--tool-call-parser", tool, "--reasoning-parser", reasoning];
}

/** By itself it computes on one, and does not start where less than 92 % of its whole memory is free. */
function onGpus({ gpus }: EngineInput): readonly string[] {
  const { used = 1, memoryShare } = gpus ?? {};
  return [
    used > 1 ? ["--tensor-parallel-size", `${used}`] : [],
    memoryShare === undefined ? [] : ["--gpu-memory-utilization", `${memoryShare}`],
  ].flat();
}

/** On a CPU it would fill 92 % of the memory limit with its cache, whatever the window is (seen with 0.32.0). */
function cache({ kvBytesPerToken, context, parallel }: EngineInput): readonly string[] {
  return kvBytesPerToken === undefined
    ? ["--gpu-memory-utilization", "0.5"]
    : ["--kv-cache-memory-bytes", `${kvBytesPerToken * (context * parallel + SPARE_TOKENS)}`];
}

function environment({ context, model }: EngineInput): Readonly<Record<string, string>> {
  return {
    ...PYTORCH_ENV,
    VLLM_NO_USAGE_STATS: "1",
    ...(context > (model?.facts.trainedContext ?? context)
      ? { VLLM_ALLOW_LONG_MAX_MODEL_LEN: "1" }
      : {}),
  };
}

/** up (the port opens only when all is loaded) → healthy → listed, with the true context → first token. */
function vllmProbes({ servedName: model }: EngineInput): readonly Probe[] {
  return [
    versionProbe({ rung: "up", path: "/version", attemptMs: FIRST_MS }),
    {
      rung: "healthy",
      request: { method: "GET", path: "/health", read: "whole" },
      judge: (answer) => (answer.status === 200 ? { kind: "ok" } : notYet(answer)),
      attemptMs: QUICK_MS,
    },
    listedProbe({
      model,
      title: "vLLM",
      entry: z.object({ id: z.string(), max_model_len: z.int().positive().optional() }),
      contextOf: (found) => found.max_model_len,
    }),
    firstTokenProbe(model, FATAL),
  ];
}

/** Causes that no second attempt cures, by vLLM's own words (vllm/entrypoints, vllm/renderers). */
const FATAL: FatalWords = [
  [/chat template/i, TEMPLATES.next],
  [/EngineCore|engine.*dead/i, "stack logs"],
];
