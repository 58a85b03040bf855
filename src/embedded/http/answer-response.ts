import { randomUUID } from "node:crypto";
import { type AnswerEvent, type AnswerRequest, type OpenAnswer, openAnswer } from "../answer.ts";
import type { Engine } from "../llama/engine.ts";
import { ApiError, unavailable } from "../openai/api-error.ts";
import type { Json, ResponseHead } from "../openai/chat-response.ts";
import { type AppContext, type AppDeps, unexpected } from "./app.ts";
import { eventStream } from "./event-stream.ts";
import { requestSignal } from "./request-scope.ts";

/** How one kind of answer is written. */
export interface AnswerForm {
  readonly idPrefix: string;
  readonly chunks: (head: ResponseHead) => (event: AnswerEvent) => readonly Json[];
  readonly whole: (head: ResponseHead, events: AsyncIterable<AnswerEvent>) => Promise<Json>;
}

/** Runs an answer and sends it, as a stream or whole. The conversation is free again when it ends, however it ends. */
export async function answerResponse(
  c: AppContext,
  deps: AppDeps,
  engine: Engine,
  request: AnswerRequest & { readonly stream: boolean },
  form: AnswerForm,
): Promise<Response> {
  const begin = deps.clock.monotonic();
  const signal = requestSignal(c, deps);
  const head: ResponseHead = {
    id: `${form.idPrefix}-${randomUUID().replaceAll("-", "")}`,
    created: Math.floor(deps.clock.now() / 1000),
    model: deps.config.servedName,
  };
  const answer = await openAnswer(engine, request, signal).catch((error: unknown) => {
    throw deps.stopping.aborted ? stopping() : error;
  });
  const events = measured(answer, deps, begin);
  const failed = (error: unknown): ApiError => {
    if (deps.stopping.aborted) return stopping();
    if (signal.aborted) return new ApiError({ status: 499, message: "The client left." });
    if (error instanceof ApiError) return error;
    deps.log("error", "answer-failed", {
      message: error instanceof Error ? error.message : String(error),
    });
    return unexpected(error);
  };

  if (!request.stream) {
    try {
      return c.json(await form.whole(head, events));
    } catch (error) {
      throw failed(error);
    } finally {
      answer.release();
    }
  }
  const chunksOf = form.chunks(head);
  const body = eventStream(
    async (sink) => {
      try {
        for await (const event of events) for (const chunk of chunksOf(event)) sink.send(chunk);
      } finally {
        answer.release();
      }
    },
    failed,
    () => {
      // The response's own close event has aborted the request already.
    },
  );
  return new Response(body, {
    headers: { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" },
  });
}

/** Counts tokens and the time to the first one on the way through, and logs one line per answer. */
async function* measured(
  answer: OpenAnswer,
  deps: AppDeps,
  begin: number,
): AsyncGenerator<AnswerEvent, void, void> {
  let first: number | undefined;
  let finish = "aborted";
  try {
    for await (const event of answer.events()) {
      first ??= deps.clock.monotonic() - begin;
      if (event.kind === "end") finish = event.finish;
      yield event;
    }
  } finally {
    const usage = answer.usage();
    const ms = deps.clock.monotonic() - begin;
    if (first !== undefined) deps.metrics.firstToken(first / 1000);
    deps.metrics.tokens(usage.prompt, usage.cached, usage.completion);
    deps.log("info", "answer", {
      finish,
      ...usage,
      firstTokenMs: first === undefined ? undefined : Math.round(first),
      ms: Math.round(ms),
    });
  }
}

function stopping(): ApiError {
  return unavailable("The server is stopping.", "stopping", 5);
}
