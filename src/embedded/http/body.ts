import type { IncomingMessage } from "node:http";
import { ApiError, badRequest } from "../openai/api-error.ts";

/** Reads a JSON body of at most `limit` bytes. A larger one is refused by its announced length, or at the byte that is too many. */
export async function readJson(incoming: IncomingMessage, limit: number): Promise<unknown> {
  if (Number(incoming.headers["content-length"] ?? 0) > limit) throw tooLarge(limit);
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > limit) throw tooLarge(limit);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    throw badRequest("The request body is not valid JSON.", undefined, "invalid_json");
  }
}

function tooLarge(limit: number): ApiError {
  return new ApiError({
    status: 413,
    message: `The request body is larger than ${limit} bytes.`,
    code: "request_too_large",
    // What is still on its way will not be read, so this connection cannot be used again.
    headers: { connection: "close" },
  });
}
