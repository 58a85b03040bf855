import { CHATML } from "./store-rig.ts";
import { noise } from "./tiny-gguf.ts";

/** The bytes of a file of safetensors with one tensor. */
export function tinySafetensors(seed: number): Buffer {
  const header = Buffer.from(
    JSON.stringify({ w: { dtype: "BF16", shape: [8, 8], data_offsets: [0, 128] } }),
  );
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, noise(128, seed)]);
}

/** A model in safetensors that every reader of facts accepts and no engine can run: its files by name. */
export const TINY_SNAPSHOT: Readonly<Record<string, Buffer>> = {
  "config.json": Buffer.from('{"model_type":"llama","max_position_embeddings":2048}'),
  "tokenizer.json": Buffer.from("{}"),
  "chat_template.jinja": Buffer.from(`${CHATML}{{ tools }}`),
  "model.safetensors.index.json": Buffer.from('{"weight_map":{"w":"model-1.safetensors"}}'),
  "model-1.safetensors": tinySafetensors(1),
};
