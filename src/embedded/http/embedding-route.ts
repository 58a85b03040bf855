import { badRequest } from "../openai/api-error.ts";
import { parseEmbeddingRequest } from "../openai/embedding-request.ts";
import type { AppContext, AppDeps } from "./app.ts";
import { readJson } from "./body.ts";
import { checkModel, readyEngine, requestSignal } from "./request-scope.ts";

/** `POST /v1/embeddings` */
export async function embeddingRoute(c: AppContext, deps: AppDeps): Promise<Response> {
  const body = await readJson(c.env.incoming, deps.config.maxBodyBytes);
  const engine = readyEngine(deps);
  const request = parseEmbeddingRequest(body);
  checkModel(request.model, deps);
  if (request.dimensions !== undefined && request.dimensions !== engine.embedder.dimensions) {
    throw badRequest(
      `This model's embeddings have ${engine.embedder.dimensions} dimensions, no other number.`,
      "dimensions",
    );
  }
  const { vectors, tokens } = await engine.embedder.embed(request.inputs, requestSignal(c, deps));
  deps.metrics.tokens(tokens, 0, 0);
  return c.json({
    object: "list",
    data: vectors.map((vector, index) => ({
      object: "embedding",
      index,
      embedding: request.encoding === "base64" ? base64(vector) : vector,
    })),
    model: deps.config.servedName,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  });
}

/** 32-bit floats, little endian: what OpenAI's clients ask for by default. */
function base64(vector: readonly number[]): string {
  const bytes = Buffer.alloc(vector.length * 4);
  vector.forEach((value, index) => bytes.writeFloatLE(value, index * 4));
  return bytes.toString("base64");
}
