/** What is written into the header. */
export interface TinyGguf {
  readonly architecture?: string;
  readonly context?: number;
  readonly chatTemplate?: string;
  /** Bytes of weights; the content follows from `seed`. */
  readonly weightBytes?: number;
  readonly seed?: number;
  readonly extra?: Readonly<Record<string, number>>;
}

/** A GGUF file that every header reader accepts and no engine can run: one tensor of 8-bit integers. */
export function tinyGguf(options: TinyGguf = {}): Buffer {
  const { architecture = "llama", context = 8192, weightBytes = 4096, seed = 1 } = options;
  const entries = [
    keyText("general.architecture", architecture),
    keyNumber("general.file_type", 3),
    keyNumber(`${architecture}.context_length`, context),
    keyNumber(`${architecture}.block_count`, 1),
    ...(options.chatTemplate === undefined
      ? []
      : [keyText("tokenizer.chat_template", options.chatTemplate)]),
    ...Object.entries(options.extra ?? {}).map(([key, value]) => keyNumber(key, value)),
  ];
  const header = Buffer.concat([
    Buffer.from("GGUF"),
    uint32(3),
    uint64(1),
    uint64(entries.length),
    ...entries,
    text("blk.0.weight"),
    uint32(1),
    uint64(weightBytes),
    uint32(24), // GGML_TYPE_I8
    uint64(0),
  ]);
  const padding = Buffer.alloc((32 - (header.length % 32)) % 32);
  return Buffer.concat([header, padding, noise(weightBytes, seed)]);
}

/** Bytes that do not compress and are the same for the same seed (a linear congruential generator). */
export function noise(bytes: number, seed: number): Buffer {
  const buffer = Buffer.allocUnsafe(bytes);
  let state = seed >>> 0;
  for (let at = 0; at < bytes; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    buffer[at] = state >>> 24;
  }
  return buffer;
}

function keyText(key: string, value: string): Buffer {
  return Buffer.concat([text(key), uint32(8), text(value)]);
}

function keyNumber(key: string, value: number): Buffer {
  return Buffer.concat([text(key), uint32(4), uint32(value)]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint64(bytes.length), bytes]);
}

function uint32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value);
  return buffer;
}

function uint64(value: number): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(BigInt(value));
  return buffer;
}

/** A file of a few kB whose context is costly: keys and values of one token are 2 × `width` × `width` numbers of two bytes. */
export function costlyGguf(width: number, context: number): Buffer {
  return tinyGguf({
    context,
    extra: {
      "llama.embedding_length": width,
      "llama.attention.head_count": 1,
      "llama.attention.head_count_kv": width,
      "llama.vocab_size": 100,
    },
  });
}
