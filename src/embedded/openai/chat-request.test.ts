import { describe, expect, it } from "vitest";
import { ApiError } from "./api-error.ts";
import { parseChatRequest } from "./chat-request.ts";
import { parseCompletionRequest } from "./completion-request.ts";
import { parseEmbeddingRequest } from "./embedding-request.ts";

const messages = [{ role: "user", content: "Hi" }];
const tools = [{ type: "function", function: { name: "look" } }];

function refusal(parse: (body: unknown) => unknown, body: unknown): unknown {
  try {
    return parse(body);
  } catch (error) {
    return error instanceof ApiError ? [error.status, error.param] : error;
  }
}

describe("parseChatRequest", () => {
  it.each<readonly [string, unknown, string | undefined]>([
    ["no object", 5, undefined],
    ["no messages", {}, "messages"],
    ["an empty list of messages", { messages: [] }, "messages"],
    ["an unknown role", { messages: [{ role: "king", content: "" }] }, "messages.0.role"],
    [
      "content of the wrong type",
      { messages: [{ role: "user", content: 5 }] },
      "messages.0.content",
    ],
    [
      "a picture",
      { messages: [{ role: "user", content: [{ type: "image_url", image_url: {} }] }] },
      "messages.0.content.0.type",
    ],
    ["temperature as text", { messages, temperature: "hot" }, "temperature"],
    ["temperature too high", { messages, temperature: 3 }, "temperature"],
    ["max_tokens of zero", { messages, max_tokens: 0 }, "max_tokens"],
    ["two answers", { messages, n: 2 }, "n"],
    ["logprobs", { messages, logprobs: true }, "logprobs"],
    ["logit_bias", { messages, logit_bias: { "1": 5 } }, "logit_bias"],
    ["stop of the wrong type", { messages, stop: 5 }, "stop"],
    ["tools of the wrong type", { messages, tools: {} }, "tools"],
    [
      "a tool without a name",
      { messages, tools: [{ type: "function", function: {} }] },
      "tools.0.function.name",
    ],
    ["tool_choice without tools", { messages, tool_choice: "required" }, "tool_choice"],
    [
      "tool_choice of an unknown tool",
      { messages, tools, tool_choice: { type: "function", function: { name: "no" } } },
      "tool_choice",
    ],
    [
      "an unknown response_format",
      { messages, response_format: { type: "xml" } },
      "response_format.type",
    ],
  ])("refuses %s and names the parameter", (_title, body, param) => {
    expect(refusal(parseChatRequest, body)).toEqual([400, param]);
  });

  it("takes the forms that clients send", () => {
    const request = parseChatRequest({
      model: "m",
      messages: [
        {
          role: "developer",
          content: [
            { type: "text", text: "A" },
            { type: "text", text: "B" },
          ],
        },
        {
          role: "assistant",
          content: null,
          tool_calls: [{ id: "1", type: "function", function: { name: "look", arguments: "{}" } }],
        },
        { role: "tool", tool_call_id: "1", content: "sky" },
      ],
      tools,
      max_completion_tokens: 7,
      max_tokens: null,
      stop: "x",
      seed: -1,
      stream: true,
      stream_options: { include_usage: true },
      store: false,
      reasoning_effort: "low",
      some_later_parameter: {},
    });
    expect(request).toMatchObject({
      toolChoice: "auto",
      maxTokens: 7,
      includeUsage: true,
      sampling: { stop: ["x"], seed: 0xffffffff },
    });
    expect(request.messages[0]).toEqual({ role: "system", content: "A\nB" });
    expect(request.messages[1]).toMatchObject({ content: "" });
  });

  it("does not tell the model of tools that it may not use", () => {
    expect(parseChatRequest({ messages, tools, tool_choice: "none" }).tools).toEqual([]);
  });

  it.each<readonly [string, unknown, unknown]>([
    ["text", { type: "text" }, undefined],
    ["json_object", { type: "json_object" }, { type: "object" }],
    [
      "json_schema",
      { type: "json_schema", json_schema: { name: "x", schema: { type: "null" } } },
      { type: "null" },
    ],
  ])("turns response_format %s into a schema", (_title, response_format, schema) => {
    expect(parseChatRequest({ messages, response_format }).answerSchema).toEqual(schema);
  });
});

describe("parseCompletionRequest", () => {
  it.each([
    ["text", "Hi", "Hi"],
    ["one text in a list", ["Hi"], "Hi"],
    ["tokens", [1, 2], [1, 2]],
    ["tokens in a list", [[1, 2]], [1, 2]],
  ])("takes a prompt as %s", (_title, prompt, expected) => {
    expect(parseCompletionRequest({ prompt }).prompt).toEqual(expected);
  });

  it.each([
    ["several prompts", { prompt: ["a", "b"] }, "prompt"],
    ["echo", { prompt: "a", echo: true }, "echo"],
    ["suffix", { prompt: "a", suffix: "b" }, "suffix"],
    ["no prompt", {}, "prompt"],
  ])("refuses %s", (_title, body, param) => {
    expect(refusal(parseCompletionRequest, body)).toEqual([400, param]);
  });
});

describe("parseEmbeddingRequest", () => {
  it.each([
    ["text", "a", ["a"]],
    ["texts", ["a", "b"], ["a", "b"]],
    ["tokens", [1, 2], [[1, 2]]],
    ["lists of tokens", [[1], [2]], [[1], [2]]],
  ])("takes %s", (_title, input, expected) => {
    expect(parseEmbeddingRequest({ input }).inputs).toEqual(expected);
  });

  it.each([
    ["nothing", {}],
    ["an empty text", { input: "" }],
    ["an empty list", { input: [] }],
    ["a number", { input: 5 }],
  ])("refuses %s", (_title, body) => {
    expect(refusal(parseEmbeddingRequest, body)).toEqual([400, "input"]);
  });
});
