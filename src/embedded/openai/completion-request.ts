import * as z from "zod";
import { badRequest } from "./api-error.ts";
import { parseBody } from "./parse-body.ts";
import { type Sampling, samplingFields, samplingOf } from "./sampling.ts";

const tokens = z.array(z.int().min(0)).min(1);
const completionSchema = z.object({
  ...samplingFields,
  prompt: z.union([z.string(), tokens, z.array(z.string()).min(1), z.array(tokens).min(1)]),
  echo: z.literal(false, "echo is not supported by this server").nullish(),
  suffix: z.null("suffix is not supported by this server").optional(),
  best_of: z.literal(1, "only best_of=1 is supported by this server").nullish(),
});

export interface CompletionRequest {
  readonly model: string | undefined;
  /** Text, or token ids of the served model. */
  readonly prompt: string | readonly number[];
  readonly maxTokens: number | undefined;
  readonly sampling: Sampling;
  readonly stream: boolean;
  readonly includeUsage: boolean;
}

/** The body of `POST /v1/completions`, with one prompt. */
export function parseCompletionRequest(body: unknown): CompletionRequest {
  const input = parseBody(completionSchema, body);
  return {
    model: input.model ?? undefined,
    prompt: promptOf(input.prompt),
    maxTokens: input.max_tokens ?? undefined,
    sampling: samplingOf(input),
    stream: input.stream ?? false,
    includeUsage: input.stream_options?.include_usage ?? false,
  };
}

function promptOf(
  prompt: string | readonly (string | number | readonly number[])[],
): string | readonly number[] {
  if (typeof prompt === "string") return prompt;
  const ids = prompt.filter((item) => typeof item === "number");
  if (ids.length > 0) return ids;
  const [only, ...others] = prompt.filter((item) => typeof item !== "number");
  if (only === undefined || others.length > 0) {
    throw badRequest("This server takes one prompt at a time.", "prompt", "unsupported_parameter");
  }
  return only;
}
