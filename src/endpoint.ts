import * as z from "zod";

/** How far `up` climbs: until it answers, or until an agent can work with it. */
export const READY = ["first-token", "agent"] as const;
export type Ready = (typeof READY)[number];

const gpuSchema = z.object({
  /** `lost`: the container had it and has it no more. `unknown`: nothing told in time, or the GPU itself gives no answer. */
  state: z.enum(["on-gpu", "partly", "on-cpu", "lost", "unknown"]),
  /** How much of the model is on the GPU, 0 to 1, where the engine tells. */
  share: z.number().min(0).max(1).optional(),
});
/** Where the model is, of a stack that asked for a GPU. */
export type GpuMeasured = Readonly<z.infer<typeof gpuSchema>>;

/** What the gate found out by asking, when `up` last climbed it. Absent: not asked, or not answered. */
const measuredSchema = z.object({
  /** How far it was climbed. */
  ready: z.enum(READY),
  context: z.object({
    /**
     * `full`: a prompt of that size was read to its end. `partial`: up to `provedTokens`, more would have taken too long.
     * `told`: the engine names it. `assumed`: nobody does, it is the setting. `failed`: the engine broke down over a prompt,
     * so that the window is as it was told or assumed.
     */
    proof: z.enum(["full", "partial", "told", "assumed", "failed"]),
    provedTokens: z.int().positive().optional(),
    /** A prompt that is longer than the window is cut without a word; false: it is refused. Absent: not known, as where it fails. */
    truncates: z.boolean().optional(),
    /** What became of one that is longer. */
    overflow: z.string().optional(),
  }),
  tools: z
    .object({
      /** A request with tools was answered. */
      accepted: z.boolean(),
      /** The tools were part of the prompt, by its length. */
      rendered: z.boolean().optional(),
      /** A call that was forced: `well-formed`, or what was wrong. */
      call: z.string().optional(),
      /** The refusal. */
      why: z.string().optional(),
    })
    .optional(),
  /** What became of the GPU, right after the gate. */
  gpu: gpuSchema.optional(),
  /** Conversations served at the same time. */
  parallel: z.int().positive().optional(),
  /** Milliseconds to the first token of a short prompt. */
  firstTokenMs: z.int().nonnegative().optional(),
  /** What the engine said of itself, as it counts. */
  engineVersion: z.string().optional(),
  /** Name of the engine that an adopted server was found to be. */
  software: z.string().optional(),
  tokensPerSecond: z.number().positive().optional(),
  promptTokensPerSecond: z.number().positive().optional(),
});
export type Measured = z.infer<typeof measuredSchema>;

/** What a client connects to. Written to the state folder (mode 0600, it holds the key) when the gate is passed. */
export const endpointSchema = z.object({
  /** Name of the stack. */
  name: z.string(),
  engine: z.string(),
  /** `http://127.0.0.1:PORT/v1` */
  apiBase: z.url(),
  apiKey: z.string(),
  /** The id to send as `model`. */
  model: z.string(),
  /** Canonical model reference. */
  reference: z.string(),
  /** Tokens of one conversation that the engine really holds. */
  contextWindow: z.int().positive(),
  /** Tokens that one answer may have, a share of the window. */
  maxOutputTokens: z.int().positive(),
  /** Whether requests with `tools` are rendered for the model. */
  tools: z.boolean(),
  /** Another's server: found, never started or stopped. */
  adopted: z.boolean().optional(),
  /** Of an adopted one: file with the certificate authority that it was reached by. */
  ca: z.string().optional(),
  /** With that: file with all authorities that are believed, for clients. */
  authorities: z.string().optional(),
  measured: measuredSchema.optional(),
  /** What a user should know before trusting it. */
  warnings: z.array(z.string()),
});
export type Endpoint = z.infer<typeof endpointSchema>;

/** The endpoint's origin: `apiBase` without `/v1`. */
export function endpointOrigin(endpoint: Pick<Endpoint, "apiBase">): string {
  return endpoint.apiBase.replace(/\/v1\/?$/, "");
}

/**
 * Whether an endpoint is of the engine of ours that runs now, and its gate was climbed as far as is wanted. One that an older
 * version left counts for a first token; another engine's, or that of a server that was adopted, says nothing of this one.
 */
export function vouchesFor(
  endpoint: Pick<Endpoint, "engine" | "adopted" | "measured"> | undefined,
  engine: string,
  wanted: Ready,
): boolean {
  if (endpoint === undefined || endpoint.adopted === true || endpoint.engine !== engine) {
    return false;
  }
  return wanted === "first-token" || endpoint.measured?.ready === wanted;
}
