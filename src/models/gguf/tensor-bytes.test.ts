import { expect, it } from "vitest";
import { type Tensor, tensorDataBytes, tiedEmbeddingBytes } from "./tensor-bytes.ts";

const Q8_0 = 8;
const tensor = (name: string, shape: readonly bigint[], offset = 0n): Tensor => ({
  name,
  dtype: Q8_0,
  shape,
  offset,
});
// gemma3:270m.
const words = tensor("token_embd.weight", [640n, 262_144n]);

it("knows where the last tensor ends, wherever it stands in the list", () => {
  const small = tensor("blk.0.attn_q.weight", [32n]);
  expect(tensorDataBytes([{ ...words, offset: 64n }, small])).toBe(64n + 178_257_920n);
});

it.each<[string, readonly Tensor[], number]>([
  ["makes the answers too", [words], 178_257_920],
  ["does not", [words, tensor("output.weight", [640n, 262_144n])], 0],
  [
    "is followed by a norm of the output only",
    [words, tensor("output_norm.weight", [640n])],
    178_257_920,
  ],
  ["is not there", [], 0],
])("counts a table of words that %s", (_title, tensors, bytes) => {
  expect(tiedEmbeddingBytes(tensors)).toBe(bytes);
});
