import * as z from "zod";
import { badRequest } from "./api-error.ts";

/** Parameters that chat and text completions share. `null` means "left out", as OpenAI's clients send it. */
export const samplingFields = {
  model: z.string().nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  n: z.int().nullish(),
  max_tokens: z.int().min(1).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().gt(0).max(1).nullish(),
  top_k: z.int().min(0).nullish(),
  min_p: z.number().min(0).max(1).nullish(),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  seed: z.int().nullish(),
  stop: z.union([z.string(), z.array(z.string()).max(16)]).nullish(),
  logprobs: z.union([z.boolean(), z.int()]).nullish(),
  top_logprobs: z.int().nullish(),
  logit_bias: z.record(z.string(), z.number()).nullish(),
};
const samplingSchema = z.object(samplingFields);
type SamplingInput = z.infer<typeof samplingSchema>;

export interface Sampling {
  readonly temperature: number;
  readonly topP: number;
  /** 0: all tokens. */
  readonly topK: number;
  readonly minP: number;
  readonly presencePenalty: number;
  readonly frequencyPenalty: number;
  /** Undefined: another one for each request. */
  readonly seed: number | undefined;
  readonly stop: readonly string[];
}

/** Defaults are llama.cpp's own (common/common.h: temp 0.8, top_k 40, top_p 0.95, min_p 0.05). */
export function samplingOf(input: SamplingInput): Sampling {
  refuseUnsupported(input);
  const stop = typeof input.stop === "string" ? [input.stop] : (input.stop ?? []);
  return {
    temperature: input.temperature ?? 0.8,
    topP: input.top_p ?? 0.95,
    topK: input.top_k ?? 40,
    minP: input.min_p ?? 0.05,
    presencePenalty: input.presence_penalty ?? 0,
    frequencyPenalty: input.frequency_penalty ?? 0,
    // llama.cpp's generator takes 32 bits.
    seed: input.seed === null || input.seed === undefined ? undefined : input.seed >>> 0,
    stop: stop.filter((text) => text !== ""),
  };
}

/** What would silently change the meaning of an answer is refused; everything else unknown is ignored, as compatible servers do. */
function refuseUnsupported(input: SamplingInput): void {
  if (input.n !== null && input.n !== undefined && input.n !== 1) {
    throw badRequest("Only n=1 is supported by this server.", "n", "unsupported_parameter");
  }
  const logprobs = input.logprobs;
  if (logprobs !== null && logprobs !== undefined && logprobs !== false) {
    throw badRequest(
      "logprobs are not supported by this server.",
      "logprobs",
      "unsupported_parameter",
    );
  }
  if ((input.top_logprobs ?? 0) > 0) {
    throw badRequest(
      "top_logprobs are not supported by this server.",
      "top_logprobs",
      "unsupported_parameter",
    );
  }
  if (Object.keys(input.logit_bias ?? {}).length > 0) {
    throw badRequest(
      "logit_bias is not supported by this server.",
      "logit_bias",
      "unsupported_parameter",
    );
  }
}
