import type { AnswerEvent, FinishReason, Usage } from "../answer.ts";
import { type Json, type ResponseHead, usageJson } from "./chat-response.ts";

/** Turns events into the chunks of a streamed `text_completion`. */
export function completionChunks(
  head: ResponseHead,
  includeUsage: boolean,
): (event: AnswerEvent) => readonly Json[] {
  const chunk = (text: string, finish: FinishReason | null): Json => ({
    ...head,
    object: "text_completion",
    choices: [{ index: 0, text, logprobs: null, finish_reason: finish }],
    ...(includeUsage ? { usage: null } : {}),
  });
  return (event) => {
    if (event.kind === "content") return [chunk(event.text, null)];
    if (event.kind !== "end") return [];
    const last = chunk("", event.finish);
    if (!includeUsage) return [last];
    return [
      last,
      { ...head, object: "text_completion", choices: [], usage: usageJson(event.usage) },
    ];
  };
}

/** Collects events into one `text_completion`. */
export async function wholeCompletion(
  head: ResponseHead,
  events: AsyncIterable<AnswerEvent>,
): Promise<Json> {
  let text = "";
  let finish: FinishReason = "stop";
  let usage: Usage = { prompt: 0, cached: 0, completion: 0 };
  for await (const event of events) {
    if (event.kind === "content") text += event.text;
    else if (event.kind === "end") ({ finish, usage } = event);
  }
  return {
    ...head,
    object: "text_completion",
    choices: [{ index: 0, text, logprobs: null, finish_reason: finish }],
    usage: usageJson(usage),
  };
}
