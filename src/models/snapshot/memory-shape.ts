import * as z from "zod";
import { groupLayers, type KvLayer, type MemoryShape } from "../memory-shape.ts";

const count = z.int().positive();
const maybe = count.nullish().catch(undefined);

/** The keys of a `config.json` of transformers that decide about memory. */
const configSchema = z.object({
  model_type: z.string().optional(),
  num_hidden_layers: count,
  num_attention_heads: count,
  num_key_value_heads: maybe,
  hidden_size: count,
  head_dim: maybe,
  intermediate_size: maybe,
  moe_intermediate_size: maybe,
  num_experts_per_tok: maybe,
  vocab_size: count,
  sliding_window: maybe,
  use_sliding_window: z.boolean().nullish(),
  layer_types: z.array(z.string()).nullish(),
  sliding_window_pattern: maybe,
  full_attention_interval: maybe,
  kv_lora_rank: maybe,
  qk_rope_head_dim: maybe,
  linear_num_value_heads: maybe,
  linear_num_key_heads: maybe,
  linear_key_head_dim: maybe,
  linear_value_head_dim: maybe,
  linear_conv_kernel_dim: maybe,
});
type Config = z.infer<typeof configSchema>;

/** From the `config.json` of a safetensors model; of one that also sees pictures, its `text_config`. Undefined where it does not say enough. */
export function shapeOfConfig(json: unknown): MemoryShape | undefined {
  const nested = z.object({ text_config: z.unknown() }).safeParse(json).data?.text_config;
  const config = configSchema.safeParse(nested ?? json).data;
  if (config === undefined) return undefined;
  const kinds = layerKinds(config);
  const kept: KvLayer[] = kinds.flatMap((kind) => {
    if (kind === "linear") return [];
    const window = kind === "sliding" ? config.sliding_window : undefined;
    return [{ ...layerOf(config), ...(window ? { window } : {}) }];
  });
  const linear = kinds.length - kept.length;
  if (kept.length === 0) return undefined;
  return {
    kv: [...groupLayers(kept)],
    stateBytes: linear * linearStateBytes(config),
    embeddingLength: config.hidden_size,
    widestLength: Math.max(
      config.hidden_size,
      config.intermediate_size ?? 0,
      (config.num_experts_per_tok ?? 0) * (config.moe_intermediate_size ?? 0),
      config.num_attention_heads * layerOf(config).keyLength,
    ),
    vocabulary: config.vocab_size,
    queryHeads: config.num_attention_heads,
  };
}

type LayerKind = "full" | "sliding" | "linear";

/** `layer_types` where it is there (transformers since 4.53); before, a pattern, or `sliding_window` for every layer. */
function layerKinds(config: Config): readonly LayerKind[] {
  const { layer_types: types, num_hidden_layers: layers } = config;
  if (types && types.length > 0) {
    return Array.from({ length: layers }, (_, layer) => kindOf(types[layer % types.length] ?? ""));
  }
  const windowed = config.sliding_window && config.use_sliding_window !== false;
  return Array.from({ length: layers }, (_, layer) => {
    const isLastOf = (period: number): boolean => (layer + 1) % period === 0;
    if (config.full_attention_interval) {
      return isLastOf(config.full_attention_interval) ? "full" : "linear";
    }
    if (!windowed) return "full";
    return config.sliding_window_pattern && isLastOf(config.sliding_window_pattern)
      ? "full"
      : "sliding";
  });
}

function kindOf(type: string): LayerKind {
  if (/linear|mamba|recurrent/.test(type)) return "linear";
  return /sliding|chunked|local/.test(type) ? "sliding" : "full";
}

function layerOf(config: Config): KvLayer {
  // Latent attention (DeepSeek): one row a token, of which the value is a part.
  if (config.kv_lora_rank) {
    const keyLength = config.kv_lora_rank + (config.qk_rope_head_dim ?? 0);
    return { kvHeads: 1, keyLength, valueLength: 0 };
  }
  const length = config.head_dim ?? Math.floor(config.hidden_size / config.num_attention_heads);
  return {
    kvHeads: config.num_key_value_heads ?? config.num_attention_heads,
    keyLength: length,
    valueLength: length,
  };
}

const F32_BYTES = 4;

/** Gated delta networks (Qwen3-Next): a matrix for each head, and the last tokens of a convolution. */
function linearStateBytes(config: Config): number {
  const values = (config.linear_num_value_heads ?? 0) * (config.linear_value_head_dim ?? 0);
  const keys = (config.linear_num_key_heads ?? 0) * (config.linear_key_head_dim ?? 0);
  const matrix = values * (config.linear_key_head_dim ?? 0);
  const convolution = Math.max(0, (config.linear_conv_kernel_dim ?? 1) - 1) * (values + 2 * keys);
  return F32_BYTES * (matrix + convolution);
}
