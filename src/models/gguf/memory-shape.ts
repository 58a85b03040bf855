import { groupLayers, type KvLayer, type MemoryShape } from "../memory-shape.ts";
import { type ArchitectureMetadata, architectureMetadata } from "./architecture-metadata.ts";
import { recurrentLayers, recurrentStateBytes } from "./recurrent-layers.ts";
import { slidingLayers } from "./sliding-layers.ts";

/** Gemma 3n keeps keys and values of its first layers only (n_layer_kv_from_start in llama.cpp's gemma3n.cpp); newer files say it themselves. */
const KV_FROM_START: Readonly<Record<string, number>> = { gemma3n: 20 };

/**
 * From the header of a GGUF, as llama.cpp reads it (`load_arch_hparams`, `llama_kv_cache`, `llama_memory_recurrent`).
 * Undefined where it does not say enough.
 */
export function shapeOfGguf(
  architecture: string,
  metadata: Readonly<Record<string, unknown>>,
): MemoryShape | undefined {
  const facts = architectureMetadata(architecture, metadata);
  const embeddingLength = facts?.number("embedding_length");
  const vocabulary = facts?.number("vocab_size") ?? tokensOf(metadata);
  if (facts === undefined || embeddingLength === undefined || vocabulary === undefined) {
    return undefined;
  }
  const { layers } = facts;
  const recurrent = recurrentLayers(facts);
  const sliding = slidingLayers(facts);
  const window = facts.number("attention.sliding_window") ?? 0;
  const owning = owningLayers(facts);
  const heads = facts.perLayer("attention.head_count");
  const kvHeads = facts.perLayer("attention.head_count_kv");
  // Latent attention: the value is the first part of the key, and is not kept a second time.
  const latent = facts.number("attention.key_length_mla") !== undefined;

  const kept: KvLayer[] = [];
  let widestLength = 0;
  for (let layer = 0; layer < layers; layer += 1) {
    const headCount = heads[layer] ?? 0;
    const own = kvHeads[layer] ?? headCount;
    const isSliding = window > 0 && sliding[layer] === true;
    const byDefault = headCount === 0 ? 0 : Math.floor(embeddingLength / headCount);
    const length = (which: "key" | "value"): number =>
      (isSliding ? facts.number(`attention.${which}_length_swa`) : undefined) ??
      facts.number(`attention.${which}_length`) ??
      byDefault;
    const keyLength = length("key");
    widestLength = Math.max(widestLength, headCount * keyLength);
    if (recurrent[layer] === "only" || layer >= owning || own === 0 || keyLength === 0) continue;
    kept.push({
      kvHeads: own,
      keyLength,
      valueLength: latent ? 0 : length("value"),
      ...(isSliding ? { window } : {}),
    });
  }
  const states = recurrent.filter((each) => each !== "no").length;
  if (kept.length === 0 && states === 0) return undefined;
  return {
    kv: [...groupLayers(kept)],
    stateBytes: states * recurrentStateBytes(facts, embeddingLength),
    embeddingLength,
    widestLength: Math.max(widestLength, feedForward(facts), embeddingLength),
    vocabulary,
  };
}

/** Layers, from the first, that have keys and values of their own; those after them read theirs. */
function owningLayers(facts: ArchitectureMetadata): number {
  const { architecture, layers } = facts;
  const shared = facts.number("attention.shared_kv_layers");
  return shared === undefined
    ? Math.min(layers, KV_FROM_START[architecture] ?? layers)
    : layers - shared;
}

/** The experts that one token goes through count together. */
function feedForward(facts: ArchitectureMetadata): number {
  const dense = facts.perLayer("feed_forward_length").map((length) => length ?? 0);
  const experts = facts.number("expert_used_count") ?? 0;
  const expert = facts.number("expert_feed_forward_length") ?? (experts > 0 ? dense[0] : 0) ?? 0;
  return Math.max(...dense, experts * expert);
}

function tokensOf(metadata: Readonly<Record<string, unknown>>): number | undefined {
  const tokens = metadata["tokenizer.ggml.tokens"];
  return Array.isArray(tokens) && tokens.length > 0 ? tokens.length : undefined;
}
