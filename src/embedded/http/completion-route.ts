import { parseCompletionRequest } from "../openai/completion-request.ts";
import { completionChunks, wholeCompletion } from "../openai/completion-response.ts";
import { prepareCompletion } from "../prepare.ts";
import { answerResponse } from "./answer-response.ts";
import type { AppContext, AppDeps } from "./app.ts";
import { readJson } from "./body.ts";
import { checkModel, readyEngine } from "./request-scope.ts";

/** `POST /v1/completions` */
export async function completionRoute(c: AppContext, deps: AppDeps): Promise<Response> {
  const body = await readJson(c.env.incoming, deps.config.maxBodyBytes);
  const engine = readyEngine(deps);
  const request = parseCompletionRequest(body);
  checkModel(request.model, deps);
  const prepared = prepareCompletion(engine, request, deps.config.maxOutputTokens);
  return answerResponse(
    c,
    deps,
    engine,
    { ...prepared, stream: request.stream },
    {
      idPrefix: "cmpl",
      chunks: (head) => completionChunks(head, request.includeUsage),
      whole: wholeCompletion,
    },
  );
}
