import type { ArchitectureMetadata } from "./architecture-metadata.ts";

/** Whether a layer keeps a constant state: instead of keys and values, or beside them. */
type Recurrent = "no" | "only" | "beside";

/** llm_arch_is_recurrent in llama.cpp's llama-arch.cpp. */
const ALL_RECURRENT: ReadonlySet<string> = new Set([
  "mamba",
  "mamba2",
  "rwkv6",
  "rwkv6qwen2",
  "rwkv7",
  "arwkv7",
]);
/** Attention every so-many layers, four where the file does not say (qwen3next.cpp, qwen35.cpp, qwen35moe.cpp). */
const BY_INTERVAL: ReadonlySet<string> = new Set(["qwen3next", "qwen35", "qwen35moe"]);
const DEFAULT_INTERVAL = 4;

/** As llama.cpp fills `recurrent_layer_arr`. */
export function recurrentLayers(facts: ArchitectureMetadata): readonly Recurrent[] {
  const { architecture } = facts;
  const each = (decide: (layer: number) => Recurrent): readonly Recurrent[] =>
    Array.from({ length: facts.layers }, (_, layer) => decide(layer));
  if (ALL_RECURRENT.has(architecture)) return each(() => "only");
  if (architecture === "falcon-h1") return each(() => "beside");
  const interval = facts.number("full_attention_interval");
  if (BY_INTERVAL.has(architecture) || interval !== undefined) {
    const every = interval ?? DEFAULT_INTERVAL;
    return each((layer) => ((layer + 1) % every === 0 ? "no" : "only"));
  }
  const hasState = facts.number("ssm.inner_size") ?? facts.number("shortconv.l_cache");
  if (hasState === undefined) return each(() => "no");
  const kvHeads = facts.perLayer("attention.head_count_kv");
  const feedForward = facts.perLayer("feed_forward_length");
  const isNemotron = architecture.startsWith("nemotron_h");
  return each((layer) => {
    if (kvHeads[layer] !== 0) return "no";
    // Nemotron-H has layers that are nothing but a feed-forward network.
    return isNemotron && feedForward[layer] !== 0 ? "no" : "only";
  });
}

/** Bytes of one conversation in one recurrent layer: n_embd_r and n_embd_s of llama.cpp's llama-hparams.cpp, in F32. */
export function recurrentStateBytes(facts: ArchitectureMetadata, embeddingLength: number): number {
  const ssm = (key: string): number => facts.number(`ssm.${key}`) ?? 0;
  const headSize = facts.number("wkv.head_size");
  if (headSize !== undefined) {
    const shifts = facts.number("token_shift_count") ?? 2;
    return F32_BYTES * embeddingLength * (shifts + headSize);
  }
  const shortConvolution = facts.number("shortconv.l_cache");
  if (shortConvolution !== undefined) {
    return F32_BYTES * embeddingLength * Math.max(0, shortConvolution - 1);
  }
  const convolution =
    Math.max(0, ssm("conv_kernel") - 1) *
    (ssm("inner_size") + 2 * ssm("group_count") * ssm("state_size"));
  return F32_BYTES * (convolution + ssm("state_size") * ssm("inner_size"));
}

const F32_BYTES = 4;
