import * as z from "zod";

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
  /** What a user should know before trusting it. */
  warnings: z.array(z.string()),
});
export type Endpoint = z.infer<typeof endpointSchema>;

/** The endpoint's origin: `apiBase` without `/v1`. */
export function endpointOrigin(endpoint: Pick<Endpoint, "apiBase">): string {
  return endpoint.apiBase.replace(/\/v1\/?$/, "");
}
