import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import * as z from "zod";

const requestSchema = z.looseObject({
  model: z.string(),
  stream: z.boolean().default(false),
  stream_options: z.looseObject({ include_usage: z.boolean().optional() }).optional(),
  messages: z.array(z.looseObject({ role: z.string() })),
  tools: z.array(z.unknown()).default([]),
});

/** What arrived, as far as tests ask. */
export interface SeenRequest {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly model: string;
  readonly stream: boolean;
  readonly tools: number;
  readonly messages: readonly { readonly role: string }[];
  readonly bytes: number;
  readonly body: Readonly<Record<string, unknown>>;
}

export type FakeReply =
  | { readonly kind: "text"; readonly text: string; readonly totalTokens?: number }
  | {
      readonly kind: "tool";
      readonly name: string;
      readonly arguments: Readonly<Record<string, unknown>>;
      readonly totalTokens?: number;
    }
  | {
      readonly kind: "error";
      readonly status: number;
      readonly code: string;
      readonly message: string;
    };

export interface FakeOpenai extends AsyncDisposable {
  readonly apiBase: string;
  readonly apiKey: string;
  readonly model: string;
  /** Chat completions, in the order of arrival. */
  readonly seen: readonly SeenRequest[];
  /** `METHOD path` of everything else that was asked. */
  readonly others: readonly string[];
}

/** An OpenAI server that answers as told, streamed or not, with usage. Anything but chat and the list of models is 404. */
export async function fakeOpenai(options: {
  readonly model: string;
  readonly apiKey: string;
  readonly reply: (request: SeenRequest, index: number) => FakeReply;
}): Promise<FakeOpenai> {
  const { model, apiKey, reply } = options;
  const seen: SeenRequest[] = [];
  const others: string[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const path = request.url ?? "";
      if (request.method === "POST" && path === "/v1/chat/completions") {
        const text = await readAll(request);
        const body = requestSchema.parse(JSON.parse(text));
        const { authorization } = request.headers;
        const { messages, stream, tools } = body;
        const arrived = {
          path,
          authorization,
          model: body.model,
          stream,
          tools: tools.length,
          messages,
          bytes: text.length,
          body,
        };
        if (authorization !== `Bearer ${apiKey}`) {
          sendError(response, 401, "invalid_api_key", "Incorrect API key provided.");
          return;
        }
        seen.push(arrived);
        answer(response, arrived, reply(arrived, seen.length - 1));
        return;
      }
      others.push(`${request.method} ${path}`);
      if (request.method === "GET" && path === "/v1/models") {
        sendJson(response, 200, { object: "list", data: [{ id: model, object: "model" }] });
      } else {
        sendError(response, 404, "not_found", `No ${path} here.`);
      }
    })().catch((error: unknown) => {
      sendError(response, 400, "bad_request", String(error));
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    apiBase: `http://127.0.0.1:${port}/v1`,
    apiKey,
    model,
    seen,
    others,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => {
          resolve();
        });
      }),
  };
}

function answer(response: ServerResponse, request: SeenRequest, reply: FakeReply): void {
  if (reply.kind === "error") {
    sendError(response, reply.status, reply.code, reply.message);
    return;
  }
  const message =
    reply.kind === "text"
      ? { role: "assistant", content: reply.text }
      : {
          role: "assistant",
          content: null,
          tool_calls: [
            {
              index: 0,
              id: "call_1",
              type: "function",
              function: { name: reply.name, arguments: JSON.stringify(reply.arguments) },
            },
          ],
        };
  const total = reply.totalTokens ?? 20;
  const usage = { prompt_tokens: total - 5, completion_tokens: 5, total_tokens: total };
  const finish = reply.kind === "text" ? "stop" : "tool_calls";
  const head = { id: "chatcmpl-1", created: 1, model: request.model };
  if (!request.stream) {
    const choices = [{ index: 0, message, finish_reason: finish }];
    sendJson(response, 200, { ...head, object: "chat.completion", choices, usage });
    return;
  }
  response.writeHead(200, { "content-type": "text/event-stream" });
  const send = (choices: readonly unknown[], more: object = {}): void => {
    const event = { ...head, object: "chat.completion.chunk", choices, ...more };
    response.write(`data: ${JSON.stringify(event)}\n\n`);
  };
  send([{ index: 0, delta: message, finish_reason: null }]);
  send([{ index: 0, delta: {}, finish_reason: finish }]);
  send([], { usage });
  response.end("data: [DONE]\n\n");
}

function sendError(response: ServerResponse, status: number, code: string, message: string): void {
  sendJson(response, status, { error: { message, type: "invalid_request_error", code } });
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(value));
}

async function readAll(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString("utf8");
}
