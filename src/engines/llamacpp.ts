import { llamaGpuShare } from "../plan/gpu/share.ts";
import type { ContainerEngine, EngineInput } from "./engine.ts";
import { llamacppProbes } from "./llamacpp-probes.ts";
import { AGENT_PATHS, COUNTING_PATHS, get, OPENAI_PATHS } from "./openai-paths.ts";
import { storeMount } from "./store-mount.ts";
import { toolTemplate } from "./tool-template.ts";

const REPOSITORY = "ghcr.io/ggml-org/llama.cpp";
const VERSION = "0.7.0";
const PORT = 8080;

/** Most MiB that finished conversations may stay in memory for. The default of 8192 is in no estimate; 24 short chats took 100. */
export const LLAMACPP_PROMPT_CACHE_MIB = 512;

/** llama.cpp's llama-server. */
export const llamacpp = {
  kind: "container",
  name: "llamacpp",
  title: "llama.cpp (llama-server)",
  port: PORT,
  format: "gguf",
  // Stable releases have tags of their own since August 2026: docs/engines/llamacpp.md, with sources.
  image: {
    repository: REPOSITORY,
    tag: `server-v${VERSION}`,
    built: `stack/llamacpp:${VERSION}`,
    recipe: "llamacpp",
  },
  acceleratedImages: {
    cuda: { repository: REPOSITORY, tag: `server-cuda13-v${VERSION}`, cuda: 13 },
    rocm: { repository: REPOSITORY, tag: `server-rocm-v${VERSION}` },
    vulkan: { repository: REPOSITORY, tag: `server-vulkan-v${VERSION}` },
  },
  // Use after free in POST /completion, mended in b11393; 0.7.0 is b11669.
  securityFloor: {
    version: "0.7.0",
    build: "b11393",
    source: "https://www.cve.org/CVERecord?id=CVE-2026-107183",
  },
  // Nothing that changes the server or touches its disk: POST /props, /slots, /lora-adapters, and neither /completion, whose
  // `chat_parser` has been a hole.
  paths: [...OPENAI_PATHS, ...AGENT_PATHS, ...COUNTING_PATHS, get("/health"), get("/props")],
  overflowMarks: ["exceed_context_size_error"],
  takesTools: ({ facts }) => facts.templateHasTools || facts.chatFamily !== undefined,
  probes: llamacppProbes,
  gpuShare: { kind: "log", read: llamaGpuShare },
  container: (input) => ({
    command: [...serverArguments(input), ...input.extraArgs],
    env: { HOME: "/tmp" },
    mounts: [storeMount(input)],
    tmpfs: { "/tmp": "size=64m,mode=1777" },
  }),
} as const satisfies ContainerEngine;

function serverArguments(input: EngineInput): readonly string[] {
  const { context, parallel, maxOutputTokens, servedName, weightsPath } = input;
  return [
    weightsPath === undefined ? [] : ["--model", weightsPath],
    ["--alias", servedName],
    ["--host", "0.0.0.0", "--port", `${PORT}`],
    // All slots share it equally.
    ["--ctx-size", `${context * parallel}`, "--parallel", `${parallel}`],
    ["--n-predict", `${maxOutputTokens}`],
    ["--cache-ram", `${LLAMACPP_PROMPT_CACHE_MIB}`],
    kvType(input),
    threads(input),
    stretched(input),
    // Before the template, or only the names of built-in ones are accepted.
    ["--jinja"],
    template(input),
    // The older name of --no-ui, which newer versions still take.
    ["--no-webui", "--offline", "--metrics", "--no-slots"],
  ].flat();
}

/** Quantised values need flash attention, which is on where the model and the machine have it. */
function kvType({ kvType: type = "f16" }: EngineInput): readonly string[] {
  return type === "f16" ? [] : ["--cache-type-k", type, "--cache-type-v", type];
}

/** ggml's threads spin while they wait: when they outnumber the free cores everything stalls, so one core stays free. */
function threads({ cpus }: EngineInput): readonly string[] {
  return cpus === undefined ? [] : ["--threads", `${Math.max(1, cpus - 1)}`];
}

/** Without this the server caps the window at what the model was trained for, whatever it is asked. */
function stretched({ context, model }: EngineInput): readonly string[] {
  const { trainedContext = context, architecture = "" } = model?.facts ?? {};
  return context > trainedContext
    ? ["--override-kv", `${architecture}.context_length=int:${context}`]
    : [];
}

function template({ model }: EngineInput): readonly string[] {
  const { templateHasTools = true, chatFamily } = model?.facts ?? {};
  return templateHasTools || chatFamily === undefined
    ? []
    : ["--chat-template", toolTemplate(chatFamily)];
}
