import * as z from "zod";

/** What the embedded engine's process is told. It holds the key, so the file has mode 0600 and only its path is in argv. */
export const embeddedConfigSchema = z.strictObject({
  host: z.enum(["127.0.0.1", "::1"]).default("127.0.0.1"),
  port: z.int().min(1).max(65_535),
  apiKey: z.string().min(1),
  /** Absolute path of a GGUF file, the first part of a split one. */
  modelPath: z.string().min(1),
  /** The id that clients send as `model`. */
  servedName: z.string().min(1),
  /** Tokens of one conversation: prompt and answer together. */
  context: z.int().min(32).max(4_194_304),
  /** Conversations served at the same time; each has `context` tokens of its own. */
  parallel: z.int().min(1).max(64).default(1),
  /** Requests that may wait for a free conversation; the next one is answered 503. */
  queue: z.int().min(0).max(10_000).default(32),
  /** Tokens of one answer when the request names no limit. */
  maxOutputTokens: z.int().min(1).default(4096),
  /** Left out: physical cores minus one, at least one. */
  threads: z.int().min(1).max(1024).optional(),
  /** `auto`: one if there is any; `any`: the same, and it is an error when there is none. */
  gpu: z.enum(["auto", "any", "none", "cuda", "vulkan", "metal"]).default("none"),
  /** Tokens that the model was trained for, where the caller knows it; the file's own header is the default. */
  trainedContext: z.int().positive().optional(),
  /** Let `context` exceed what the model was trained for. Without it such a context is refused at start. */
  stretch: z.boolean().default(false),
  /** How keys and values are kept. */
  kvType: z.enum(["f16", "q8_0", "q4_0"]).default("f16"),
  /** Largest request body, in bytes. */
  maxBodyBytes: z
    .int()
    .min(1024)
    .default(32 * 1024 * 1024),
});

export type EmbeddedConfig = z.infer<typeof embeddedConfigSchema>;
/** The same before defaults are filled in: what a launcher writes. */
export type EmbeddedConfigInput = z.input<typeof embeddedConfigSchema>;

/** Exit statuses of `src/embedded/main.ts`. The last line of the log is then `{"level":"fatal","code":…,"message":…}`. */
export const EMBEDDED_EXIT = {
  UNEXPECTED: 1,
  GPU_UNUSABLE: 4,
  PORT_BUSY: 5,
  MODEL_UNAVAILABLE: 6,
  DOES_NOT_FIT: 8,
} as const;
export type EmbeddedFailure = keyof typeof EMBEDDED_EXIT;
