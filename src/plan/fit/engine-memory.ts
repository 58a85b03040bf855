import type { KvType } from "./kv-cache.ts";

const MIB = 2 ** 20;

/** How an engine uses memory, beyond weights, keys and values. Sizes in bytes; each constant names where it is from. */
export interface EngineMemory {
  /** Tokens of a prompt that are computed at once. */
  readonly batch: number;
  /** Room for tokens comes in steps of this many. */
  readonly padding: number;
  /** Tokens for which there is room beyond those of all conversations. */
  readonly spareTokens: number;
  /** Bytes that a mask has for each pair of a token in the batch and one in the window; 0 where attention does without. */
  readonly maskBytes: number;
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
  /** What it computes in a way of its own: there the table of words is kept a second time where it makes the answers too, and masks take more. */
  readonly own:
    | { readonly architectures: readonly string[]; readonly maskBytes: number }
    | undefined;
  /** On GPUs each has an equal part of every layer, and the machine's memory takes nothing over (PyTorch); else layers are dealt out as there is room. */
  readonly sharesEvenly: boolean;
  /** Its option for the share of every card's whole memory that it may have, which it is always told; undefined where it takes what is free. */
  readonly shareOption: string | undefined;
  /** Copies of the table of words that it makes for a processor, 2 bytes for each number. */
  readonly tableCopies: number;
}

/** The prompt cache of llama-server is bounded by its flag `--cache-ram`: LLAMACPP_PROMPT_CACHE_MIB in src/engines/llamacpp.ts. A test holds the two equal. */
const LLAMACPP_PROMPT_CACHE = 512 * MIB;

const GGML = {
  batch: 512,
  padding: 256,
  spareTokens: 0,
  maskBytes: 2,
  keepsWindows: true,
  windowSpare: 0,
  own: undefined,
  sharesEvenly: false,
  shareOption: undefined,
  tableCopies: 0,
} as const;
/**
 * `OllamaEngineRequired` in fs/ggml/ggml.go of 0.17.4. It creates `output.weight` a second time (ml/backend/ggml/ggml.go; seen with
 * gemma3:270m, 405 MiB of weights from a file of 241), and writes each mask in float32 first (kvcache/causal.go),
 * of which Go lets as much again wait for its garbage collector (GOGC of 100).
 */
const OLLAMA_ENGINE = {
  maskBytes: 2 + 4 + 4,
  architectures: [
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
  ],
} as const;
const GGML_KV_TYPES = ["f16", "q8_0", "q4_0"] as const;

/**
 * vLLM 0.32.0 for processors: three processes of Python and PyTorch, two with a tokenizer. Keys and values come from a pool of
 * blocks of all layers, windows or not. Two copies of the table: vocab_parallel_embedding.py packs it for what goes in and what
 * comes out, and keeps the original.
 */
const PYTORCH = {
  batch: 2048,
  padding: 1,
  spareTokens: 256,
  maskBytes: 0,
  keepsWindows: false,
  windowSpare: 0,
  processBytes: 2000 * MIB,
  vocabularyEntryBytes: 5090,
  sharesEvenly: true,
  tableCopies: 2,
  promptCacheBytes: 0,
  checkpoints: undefined,
  kvTypes: ["f16"],
  own: undefined,
} as const;

/**
 * `processBytes` and `vocabularyEntryBytes`: `pnpm bench:memory` with smollm2:135m and gemma3:270m at three contexts each, on 2
 * processors with x86-64 Linux, 25 Nov 2026: a line through two sizes of vocabulary. The tables are in docs/engines.
 */
export const ENGINE_MEMORY = {
  // node-llama-cpp 3.22.1: one token more per batch where there are windows; Node itself, its heap and the libraries.
  embedded: {
    ...GGML,
    windowSpare: 1,
    processBytes: 129 * MIB,
    vocabularyEntryBytes: 380,
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
  // Ollama 0.17.4: server and runner, with weights that are read and not mapped.
  ollama: {
    ...GGML,
    processBytes: 63 * MIB,
    vocabularyEntryBytes: 468,
    promptCacheBytes: 0,
    checkpoints: undefined,
    kvTypes: GGML_KV_TYPES,
    own: OLLAMA_ENGINE,
  },
  vllm: { ...PYTORCH, shareOption: "--gpu-memory-utilization" },
  // The same needs: within 5 % by `pnpm bench:memory sglang` with smollm2:135m at three contexts. It is told no share, and its
  // `--mem-fraction-static` divides what is free between weights with pool and the rest (kv_pool_runtime.py): the sum stays.
  sglang: { ...PYTORCH, shareOption: undefined },
} as const satisfies Record<string, EngineMemory>;

/** `onGpu`: nothing is copied for the processor. */
export function engineMemory(name: string, onGpu = false): EngineMemory {
  const known: Readonly<Record<string, EngineMemory>> = ENGINE_MEMORY;
  const found = known[name] ?? ENGINE_MEMORY.vllm;
  return onGpu ? { ...found, tableCopies: 0 } : found;
}
