import type { IncomingMessage } from "node:http";
import { ApiError, badRequest } from "../openai/api-error.ts";

/**
 * Reads a JSON body of at most `limit` bytes. A larger one is refused by its announced length, or at the byte that is too many. What is
 * still on its way is thrown away unread: closed in its face, most clients would report a broken connection instead of the refusal.
 */
export async function readJson(incoming: IncomingMessage, limit: number): Promise<unknown> {
  const refuse = (): never => {
    incoming.resume();
    throw new ApiError({
      status: 413,
      message: `The request body is larger than ${limit} bytes.`,
      code: "request_too_large",
    });
  };
  if (Number(incoming.headers["content-length"] ?? 0) > limit) return refuse();
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming.iterator({ destroyOnReturn: false })) {
    if (!(chunk instanceof Buffer)) continue;
    bytes += chunk.length;
    if (bytes > limit) return refuse();
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    throw badRequest("The request body is not valid JSON.", undefined, "invalid_json");
  }
}
