import { randomBytes } from "node:crypto";
import { parseChatRequest } from "../openai/chat-request.ts";
import { chatChunks, wholeChat } from "../openai/chat-response.ts";
import { prepareChat } from "../prepare.ts";
import { answerResponse } from "./answer-response.ts";
import type { AppContext, AppDeps } from "./app.ts";
import { readJson } from "./body.ts";
import { checkModel, readyEngine } from "./request-scope.ts";

/** `POST /v1/chat/completions` */
export async function chatRoute(c: AppContext, deps: AppDeps): Promise<Response> {
  const body = await readJson(c.env.incoming, deps.config.maxBodyBytes);
  const engine = readyEngine(deps);
  const request = parseChatRequest(body);
  checkModel(request.model, deps);
  const prepared = prepareChat(engine, request, deps.config.maxOutputTokens);
  const newCallId = (): string => `call_${randomBytes(12).toString("hex")}`;
  return answerResponse(
    c,
    deps,
    engine,
    { ...prepared, stream: request.stream },
    {
      idPrefix: "chatcmpl",
      chunks: (head) => chatChunks(head, request.includeUsage, newCallId),
      whole: (head, events) => wholeChat(head, events, newCallId),
    },
  );
}
