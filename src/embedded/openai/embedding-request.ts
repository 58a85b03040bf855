import * as z from "zod";
import { parseBody } from "./parse-body.ts";

const tokens = z.array(z.int().min(0)).min(1);
/** OpenAI's own bound on the number of inputs. */
const MAX_INPUTS = 2048;
const embeddingSchema = z.object({
  model: z.string().nullish(),
  input: z.union([
    z.string().min(1, "it must not be empty"),
    tokens,
    z.array(z.string().min(1, "it must not be empty")).min(1).max(MAX_INPUTS),
    z.array(tokens).min(1).max(MAX_INPUTS),
  ]),
  encoding_format: z.enum(["float", "base64"]).nullish(),
  dimensions: z.int().min(1).nullish(),
});

export interface EmbeddingRequest {
  readonly model: string | undefined;
  readonly inputs: readonly (string | readonly number[])[];
  readonly encoding: "float" | "base64";
  readonly dimensions: number | undefined;
}

export function parseEmbeddingRequest(body: unknown): EmbeddingRequest {
  const { model, input, encoding_format, dimensions } = parseBody(embeddingSchema, body);
  return {
    model: model ?? undefined,
    inputs: inputsOf(input),
    encoding: encoding_format ?? "float",
    dimensions: dimensions ?? undefined,
  };
}

function inputsOf(
  input: string | readonly (string | number | readonly number[])[],
): readonly (string | readonly number[])[] {
  if (typeof input === "string") return [input];
  const numbers = input.filter((item) => typeof item === "number");
  return numbers.length > 0 ? [numbers] : input.filter((item) => typeof item !== "number");
}
