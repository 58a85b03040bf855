import type { ServerResponse } from "node:http";
import * as z from "zod";

/** A chat request, as far as fakes look at it. */
export const chatSchema = z.looseObject({
  model: z.string(),
  stream: z.boolean().default(false),
  max_tokens: z.int().default(16),
  messages: z.array(z.looseObject({ role: z.string(), content: z.string().nullish() })),
  tools: z.array(z.looseObject({ function: z.looseObject({ name: z.string() }) })).optional(),
  tool_choice: z.unknown().optional(),
});
export type ChatBody = z.infer<typeof chatSchema>;

/** Tokens that a template puts around a conversation in every fake. */
export const TEMPLATE_TOKENS = 11;

/** A token is a word, in the messages and in the tools. */
export function countTokens(body: ChatBody, tools = true): number {
  const words = (text: string): number => text.split(/\s+/).filter(Boolean).length;
  const messages = body.messages.reduce((sum, { content }) => sum + words(content ?? ""), 0);
  const described = tools ? words(JSON.stringify(body.tools ?? [])) : 0;
  return TEMPLATE_TOKENS + messages + described;
}

/** Answers with a few words, or with the call that was forced, streamed or not, with usage. */
export function answerChat(response: ServerResponse, body: ChatBody, promptTokens: number): void {
  const forced = z.object({ function: z.object({ name: z.string() }) }).safeParse(body.tool_choice);
  const tokens = Math.min(body.max_tokens, 8);
  const usage = {
    prompt_tokens: promptTokens,
    completion_tokens: tokens,
    total_tokens: promptTokens + tokens,
  };
  const call = {
    index: 0,
    id: "call_1",
    type: "function",
    function: { name: forced.data?.function.name ?? "", arguments: '{"word":"hello"}' },
  };
  const message = forced.success
    ? { role: "assistant", content: null, tool_calls: [call] }
    : { role: "assistant", content: "one ".repeat(tokens).trim() };
  const head = { id: "chatcmpl-1", created: 1, model: body.model };
  if (!body.stream) {
    const choices = [{ index: 0, message, finish_reason: "stop" }];
    sendJson(response, 200, { ...head, object: "chat.completion", choices, usage });
    return;
  }
  response.writeHead(200, { "content-type": "text/event-stream" });
  const send = (event: object): void => {
    const chunk = { ...head, object: "chat.completion.chunk", ...event };
    response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  };
  send({ choices: [{ index: 0, delta: message, finish_reason: null }] });
  send({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] });
  send({ choices: [], usage });
  response.end("data: [DONE]\n\n");
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(value));
}
