import { unreachable } from "../../errors.ts";
import type { AnswerEvent, FinishReason, Usage } from "../answer.ts";

/** What all chunks and the whole of one answer share. */
export interface ResponseHead {
  readonly id: string;
  /** Seconds since the epoch. */
  readonly created: number;
  readonly model: string;
}

export type Json = Readonly<Record<string, unknown>>;

export interface UsageJson {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly prompt_tokens_details: { readonly cached_tokens: number };
}

export function usageJson({ prompt, cached, completion }: Usage): UsageJson {
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: cached },
  };
}

/** Turns events into `chat.completion.chunk`s. The role comes with the first real piece, so that a first chunk means a first token. */
export function chatChunks(
  head: ResponseHead,
  includeUsage: boolean,
  newCallId: () => string,
): (event: AnswerEvent) => readonly Json[] {
  let first = true;
  const chunk = (delta: Json, finish: FinishReason | null): Json => {
    const role = first ? { role: "assistant" } : {};
    first = false;
    return {
      ...head,
      object: "chat.completion.chunk",
      choices: [{ index: 0, delta: { ...role, ...delta }, logprobs: null, finish_reason: finish }],
      ...(includeUsage ? { usage: null } : {}),
    };
  };
  return (event) => {
    if (event.kind !== "end") return [chunk(deltaJson(event, newCallId), null)];
    const last = chunk({}, event.finish);
    if (!includeUsage) return [last];
    return [
      last,
      { ...head, object: "chat.completion.chunk", choices: [], usage: usageJson(event.usage) },
    ];
  };
}

function deltaJson(event: Exclude<AnswerEvent, { kind: "end" }>, newCallId: () => string): Json {
  switch (event.kind) {
    case "content":
      return { content: event.text };
    case "reasoning":
      return { reasoning_content: event.text };
    case "call-start":
      return {
        tool_calls: [
          {
            index: event.index,
            id: newCallId(),
            type: "function",
            function: { name: event.name, arguments: "" },
          },
        ],
      };
    case "call-arguments":
      return { tool_calls: [{ index: event.index, function: { arguments: event.text } }] };
    default:
      return unreachable(event);
  }
}

/** Collects events into one `chat.completion`. */
export async function wholeChat(
  head: ResponseHead,
  events: AsyncIterable<AnswerEvent>,
  newCallId: () => string,
): Promise<Json> {
  let content = "";
  let reasoning = "";
  let finish: FinishReason = "stop";
  let usage: Usage = { prompt: 0, cached: 0, completion: 0 };
  const calls: { readonly name: string; arguments: string }[] = [];
  for await (const event of events) {
    if (event.kind === "content") content += event.text;
    else if (event.kind === "reasoning") reasoning += event.text;
    else if (event.kind === "call-start") calls.push({ name: event.name, arguments: "" });
    else if (event.kind === "end") ({ finish, usage } = event);
    else {
      const call = calls[event.index];
      if (call !== undefined) call.arguments += event.text;
    }
  }
  const message = {
    role: "assistant",
    content: content === "" && calls.length > 0 ? null : content,
    refusal: null,
    ...(reasoning === "" ? {} : { reasoning_content: reasoning }),
    ...(calls.length === 0
      ? {}
      : {
          tool_calls: calls.map((call) => ({ id: newCallId(), type: "function", function: call })),
        }),
  };
  return {
    ...head,
    object: "chat.completion",
    choices: [{ index: 0, message, logprobs: null, finish_reason: finish }],
    usage: usageJson(usage),
  };
}
