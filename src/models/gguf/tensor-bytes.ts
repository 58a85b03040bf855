/** Elements and bytes of one block, by ggml type number (ggml's `type_traits`; GGML_QUANT_SIZES in gguf-py). */
const BLOCKS: Readonly<Record<number, readonly [elements: number, bytes: number]>> = {
  0: [1, 4], // F32
  1: [1, 2], // F16
  2: [32, 18], // Q4_0
  3: [32, 20], // Q4_1
  6: [32, 22], // Q5_0
  7: [32, 24], // Q5_1
  8: [32, 34], // Q8_0
  10: [256, 84], // Q2_K
  11: [256, 110], // Q3_K
  12: [256, 144], // Q4_K
  13: [256, 176], // Q5_K
  14: [256, 210], // Q6_K
  16: [256, 66], // IQ2_XXS
  17: [256, 74], // IQ2_XS
  18: [256, 98], // IQ3_XXS
  19: [256, 50], // IQ1_S
  20: [32, 18], // IQ4_NL
  21: [256, 110], // IQ3_S
  22: [256, 82], // IQ2_S
  23: [256, 136], // IQ4_XS
  24: [1, 1], // I8
  25: [1, 2], // I16
  26: [1, 4], // I32
  30: [1, 2], // BF16
  39: [32, 17], // MXFP4
};

export interface Tensor {
  readonly name: string;
  readonly dtype: number;
  readonly shape: readonly bigint[];
  /** From the start of the tensor data. */
  readonly offset: bigint;
}

/** Fewest bytes that the tensor data must have. A type that is not known here counts as nothing. */
export function tensorDataBytes(tensors: readonly Tensor[]): bigint {
  return tensors.reduce((end, tensor) => {
    const last = tensor.offset + bytesOf(tensor);
    return last > end ? last : end;
  }, 0n);
}

/** Bytes of the table of words where there is no other for the answers, else 0. Names: llama.cpp's `LLM_TENSOR_NAMES`. */
export function tiedEmbeddingBytes(tensors: readonly Omit<Tensor, "offset">[]): number {
  const words = tensors.find(({ name }) => name === "token_embd.weight");
  const own = tensors.some(({ name }) => name === "output.weight");
  return words === undefined || own ? 0 : Number(bytesOf(words));
}

function bytesOf({ dtype, shape }: Pick<Tensor, "dtype" | "shape">): bigint {
  const [elements, bytes] = BLOCKS[dtype] ?? [1, 0];
  const count = shape.reduce((product, size) => product * size, 1n);
  return (count * BigInt(bytes)) / BigInt(elements);
}
