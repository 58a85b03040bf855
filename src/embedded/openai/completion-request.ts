import * as z from "zod";
import { parseBody } from "./parse-body.ts";
import { type Sampling, samplingFields, samplingOf } from "./sampling.ts";

const tokens = z.array(z.int().min(0)).min(1);
const completionSchema = z.object({
  ...samplingFields,
  prompt: z.union([
    z.string(),
    tokens,
    z.tuple([z.string()], "this server takes one prompt at a time"),
    z.tuple([tokens], "this server takes one prompt at a time"),
  ]),
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
  const [first] = input.prompt;
  return {
    model: input.model ?? undefined,
    prompt: typeof input.prompt === "string" ? input.prompt : promptOf(first, input.prompt),
    maxTokens: input.max_tokens ?? undefined,
    sampling: samplingOf(input),
    stream: input.stream ?? false,
    includeUsage: input.stream_options?.include_usage ?? false,
  };
}

function promptOf(
  first: string | number | readonly number[] | undefined,
  all: readonly (string | number | readonly number[])[],
): string | readonly number[] {
  if (typeof first === "string") return first;
  if (typeof first === "object") return first;
  return all.filter((token) => typeof token === "number");
}
