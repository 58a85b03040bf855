import type { KvType } from "./kv-cache.ts";

const MIB = 2 ** 20;

/** How an engine uses memory, beyond weights, keys and values. Sizes in bytes; each constant names where it is from. */
export interface EngineMemory {
  /** Tokens of a prompt that are computed at once. */
  readonly batch: number;
  /** Room for tokens comes in steps of this many. */
  readonly padding: number;
  /** Layers with a window keep just the window. */
  readonly keepsWindows: boolean;
  /** Tokens that a window is larger than window and batch together. */
  readonly windowSpare: number;
  /** The program itself, without a model. */
  readonly processBytes: number;
  /** Its tables, for each entry of the vocabulary. */
  readonly vocabularyEntryBytes: number;
  /** Most that finished conversations may stay in memory for. */
  readonly promptCacheBytes: number;
  /** Tokens between two copies that it keeps of what cannot be cut back (windows, recurrent states), and most of them; undefined where it keeps none. */
  readonly checkpoints: { readonly every: number; readonly most: number } | undefined;
  readonly kvTypes: readonly KvType[];
  /** Architectures of which it keeps the table of words a second time where it makes the answers too. */
  readonly copiesTied: readonly string[];
}

/** The prompt cache of llama-server is bounded by its flag `--cache-ram`: LLAMACPP_PROMPT_CACHE_MIB in src/engines/llamacpp.ts. A test holds the two equal. */
const LLAMACPP_PROMPT_CACHE = 512 * MIB;

const GGML = {
  batch: 512,
  padding: 256,
  keepsWindows: true,
  windowSpare: 0,
  copiesTied: [],
} as const;
/**
 * What Ollama computes by an engine of its own (`OllamaEngineRequired` in fs/ggml/ggml.go of 0.17.4), which creates
 * `output.weight` a second time (ml/backend/ggml/ggml.go); seen with gemma3:270m, 405 MiB of weights from a file of 241.
 */
const OLLAMA_ENGINE = [
  "bert",
  "deepseek2",
  "deepseekocr",
  "gemma3",
  "gemma3n",
  "gptoss",
  "gpt-oss",
  "llama4",
  "mistral3",
  "mllama",
  "nemotron_h",
  "nemotron_h_moe",
  "nomic-bert",
  "olmo3",
  "qwen25vl",
  "qwen3",
  "qwen3moe",
  "qwen35",
  "qwen35moe",
  "qwen3next",
  "qwen3vl",
  "qwen3vlmoe",
  "glm4moelite",
  "glmocr",
  "lfm2",
  "lfm2moe",
] as const;
const GGML_KV_TYPES = ["f16", "q8_0", "q4_0"] as const;

/**
 * For llama.cpp and embedded: by hand, from the resident memory of processes with two small models, on x86-64 Linux
 * (25 Nov 2026). For Ollama, vLLM and SGLang: assumed, not measured yet; a benchmark is still to be written.
 */
export const ENGINE_MEMORY = {
  // node-llama-cpp 3.22.1: one token more per batch where there are windows; Node itself, its heap and the libraries.
  embedded: {
    ...GGML,
    windowSpare: 1,
    processBytes: 180 * MIB,
    vocabularyEntryBytes: 700,
    promptCacheBytes: 0,
    checkpoints: { every: 8192, most: 32 },
    kvTypes: GGML_KV_TYPES,
  },
  // llama-server 0.7.0.
  llamacpp: {
    ...GGML,
    processBytes: 27 * MIB,
    vocabularyEntryBytes: 255,
    promptCacheBytes: LLAMACPP_PROMPT_CACHE,
    checkpoints: { every: 8192, most: 32 },
    kvTypes: GGML_KV_TYPES,
  },
  // Ollama 0.17.4: server and runner.
  ollama: {
    ...GGML,
    processBytes: 100 * MIB,
    vocabularyEntryBytes: 255,
    promptCacheBytes: 0,
    checkpoints: undefined,
    kvTypes: GGML_KV_TYPES,
    copiesTied: OLLAMA_ENGINE,
  },
  // Python and PyTorch. Keys and values come from a pool of blocks of all layers, windows or not.
  vllm: {
    batch: 2048,
    padding: 128,
    keepsWindows: false,
    windowSpare: 0,
    processBytes: 1024 * MIB,
    vocabularyEntryBytes: 0,
    promptCacheBytes: 0,
    checkpoints: undefined,
    kvTypes: ["f16"],
    copiesTied: [],
  },
} as const satisfies Record<string, EngineMemory>;

/** Of an engine that was not measured (sglang): as vLLM, which has the same needs. */
export function engineMemory(name: string): EngineMemory {
  const known: Readonly<Record<string, EngineMemory>> = ENGINE_MEMORY;
  return known[name] ?? ENGINE_MEMORY.vllm;
}
