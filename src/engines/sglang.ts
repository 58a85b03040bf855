import * as z from "zod";
import type { Probe, ProbeAnswer, ProbeVerdict } from "../gate/probe.ts";
import { readJson } from "../gate/read-json.ts";
import { sglangGpuShare } from "../plan/gpu/share.ts";
import type { ContainerEngine, EngineInput } from "./engine.ts";
import { FIRST_MS, firstTokenProbe, listedProbe, notYet, QUICK_MS } from "./openai-probes.ts";
import { AGENT_PATHS, COUNTING_PATHS, get, OPENAI_PATHS } from "./openai-paths.ts";
import { COMPILED_TMP, gpuWarnings, PYTORCH_ENV, shmBytes } from "./pytorch-container.ts";
import { storeMount } from "./store-mount.ts";
import { sglangParsers } from "./sglang-parsers.ts";
import { parserWarnings } from "./vllm-parsers.ts";
import { type TemplateHabits, withoutTemplate } from "./without-template.ts";

const PORT = 30_000;

/** Tokens of its pool of keys and values, and of its window, that a prompt must leave free (python/sglang/srt/managers/tp_worker.py). */
const LEFT_FREE = 6;
/** Tokens of the pool beyond the windows: those that are left free, and what it loses where it is rounded to pages. */
const SPARE_TOKENS = 256;

const TEMPLATES: TemplateHabits = {
  title: "SGLang",
  // MODEL_TYPE_TO_TEMPLATE of python/sglang/srt/parser/conversation.py, and the encoders of
  // python/sglang/srt/entrypoints/openai/chat_encoding.py, in 0.5.21.
  rendered:
    /^(?:deepseek|inkling|internvl|kimi_k3|minicpm[ov]|moss_vl|multi_modality|paddleocr|phi4mm|unlimited[-_]ocr|whisper)/,
  renderedByName:
    /deepseek|internvl|janus|llava|minicpm|moss|paddleocr|phi-4-m|points|unlimited|vicuna|whisper/i,
  takesOurs: false,
  // By name, of those that SGLang brings: the container sees no file of the user's.
  next: "stack up --model <its instruct variant>\nstack up sglang -- --chat-template chatml",
};

/** SGLang. Reads what vLLM reads. */
export const sglang = {
  kind: "container",
  name: "sglang",
  title: "SGLang",
  port: PORT,
  format: "safetensors",
  // A colon is for the names of adapters, and ends it at the start (python/sglang/srt/arg_groups/validation_hook.py).
  servedName: (name) => name.replace(/:latest$/, "").replaceAll(":", "-"),
  image: {
    repository: "lmsysorg/sglang",
    tag: "v0.5.21-xeon",
    built: undefined,
    recipe: undefined,
  },
  acceleratedImages: {
    cuda: { repository: "lmsysorg/sglang", tag: "v0.5.21", cuda: 13 },
    rocm: { repository: "lmsysorg/sglang", tag: "v0.5.21-rocm10-mi30x" },
  },
  // Objects from the network that are unpickled, up to 0.5.20.
  securityFloor: {
    version: "0.5.21",
    source: "https://www.cve.org/CVERecord?id=CVE-2026-93034",
  },
  // Paths that load weights, adapters and pickled tensors have been holes again and again: none of them is here.
  paths: [...OPENAI_PATHS, ...AGENT_PATHS, ...COUNTING_PATHS, get("/health"), get("/server_info")],
  // The prompt alone, the prompt with its answer (both of tokenizer_manager.py), the prompt in the pool (managers/utils.py), and
  // one with images there (managers/scheduler.py).
  overflowMarks: [
    "longer than the model's context length",
    "maximum context length",
    "exceeds the maximum allowed length",
    "prompt is too long after expanding",
  ],
  // It takes templates by file or as one of its own, and the store holds none of ours.
  takesTools: ({ facts }) => facts.templateHasTools,
  probes: sglangProbes,
  gpuShare: { kind: "log", read: sglangGpuShare },
  unservable: (input) => withoutTemplate(TEMPLATES, input),
  warnings: (input) => [...parserWarnings(input, sglangParsers), ...gpuWarnings(input)],
  container: (input) => ({
    entrypoint: ["python3", "-m", "sglang.launch_server"],
    command: [...launchArguments(input), ...input.extraArgs],
    env: environment(input),
    mounts: [storeMount(input)],
    tmpfs: { "/tmp": COMPILED_TMP },
    shmBytes: shmBytes(input),
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
    // Otherwise the pool takes most of the machine's memory, whatever the window is (14 of 20 GB free, seen with 0.5.23).
    accelerator === "cpu"
      ? ["--device", "cpu", "--max-total-tokens", `${context * parallel + SPARE_TOKENS}`]
      : input.gpus === undefined
        ? []
        : ["--tp-size", `${input.gpus.used}`],
  ].flat();
}

function toolArguments({ model, chatTemplate }: EngineInput): readonly string[] {
  const architecture = model?.facts.architecture ?? "";
  const { tool, reasoning } = sglangParsers({ architecture, chatTemplate });
  return reasoning === undefined
    ? ["--tool-call-parser", tool]
    : ["--tool-call-parser", tool, "--reasoning-parser", reasoning];
}

function environment(input: EngineInput): Readonly<Record<string, string>> {
  const { context, model, accelerator = "cpu" } = input;
  return {
    ...PYTORCH_ENV,
    // Otherwise it generates a token whenever it is asked for its health, and sleeps a second on it.
    SGLANG_ENABLE_HEALTH_ENDPOINT_GENERATION: "false",
    // Without it the code for processors is not used, whatever `--device` says.
    ...(accelerator === "cpu" ? { SGLANG_USE_CPU_ENGINE: "1" } : {}),
    ...(context > (model?.facts.trainedContext ?? context)
      ? { SGLANG_ALLOW_OVERWRITE_LONGER_CONTEXT_LEN: "1" }
      : {}),
  };
}

/** up (its port opens before it has warmed up, and then says 503) → healthy, with its version → listed → first token. */
function sglangProbes({ servedName: model }: EngineInput): readonly Probe[] {
  return [
    {
      rung: "up",
      request: { method: "GET", path: "/health", read: "whole" },
      judge: (answer) => (answer.status === 200 ? { kind: "ok" } : notYet(answer)),
      attemptMs: FIRST_MS,
    },
    {
      rung: "healthy",
      request: { method: "GET", path: "/server_info", read: "whole" },
      judge: judgeInfo,
      attemptMs: QUICK_MS,
    },
    listedProbe({
      model,
      title: "SGLang",
      entry: z.object({ id: z.string(), max_model_len: z.int().positive().nullish() }),
      contextOf: (found) => found.max_model_len ?? undefined,
    }),
    firstTokenProbe(model, [[/chat template/i, TEMPLATES.next]]),
  ];
}

const infoSchema = z.object({
  version: z.string(),
  context_length: z.int().positive().nullish(),
  /** The shortest prompt that is too long, for the window and for the pool. */
  max_req_input_len: z.int().positive().nullish(),
});

/** Its version; and its true window where the pool, which it sizes itself on a GPU, is smaller than what it was told. */
function judgeInfo(answer: ProbeAnswer): ProbeVerdict {
  const info = answer.status === 200 ? readJson(answer.text, infoSchema) : undefined;
  if (info === undefined) return notYet(answer);
  const { version, context_length: told, max_req_input_len: tooLong } = info;
  const engineVersion = { engineVersion: version };
  if (told == null || tooLong == null || tooLong + LEFT_FREE >= told) {
    return { kind: "ok", facts: engineVersion };
  }
  const pool = tooLong + LEFT_FREE;
  return {
    kind: "ok",
    facts: { ...engineVersion, contextLimit: pool, contextRefused: smallPool(pool) },
  };
}

/** What is longer than its pool and shorter than its window it refuses inside a stream, where no client finds OpenAI's code (seen). */
function smallPool(pool: number): string {
  return `SGLang's pool of keys and values holds no more: give --context ${pool}, so that it refuses what is longer before it begins to answer`;
}
