import { describe, expect, it } from "vitest";
import { firstTokenProbe, judgeDone, notYet } from "./openai-probes.ts";

it.each([
  ['{"error":{"message":"no memory"}}', "no memory"],
  ['data: {"error":{"message":"no memory"}}\n\n', "no memory"],
  ['{"error":"model\\nnot found"}', "model not found"],
  ['{"error":{"code":500}}', '{"code":500}'],
  ['{"message":"loading","type":"X"}', "loading"],
  ['{"detail":"Not Found"}', "Not Found"],
  ["<!DOCTYPE html><html><title>502 Bad Gateway</title>", "a web page: 502 Bad Gateway"],
  [" plain ", "plain"],
  ["", "an empty answer"],
])("%s is told as %s", (text, words) => {
  expect(notYet({ status: 500, text, ms: 1 })).toEqual({ kind: "wait", why: `HTTP 500: ${words}` });
});

const { judge } = firstTokenProbe("m", [[/no memory/, "--context"]]);
const chunk = (choice: object, more: object = {}): string =>
  `data: ${JSON.stringify({ object: "chat.completion.chunk", choices: [choice], ...more })}\n\n`;
const role = { role: "assistant", content: "" };
const usage = 'data: {"choices":[],"usage":{"prompt_tokens":31,"completion_tokens":1}}\n\n';
const done = "data: [DONE]\n\n";

/** Recorded with `max_tokens: 1`, without ids and times. */
const RECORDED = {
  "llama-server b11669": `data: {"choices":[{"finish_reason":null,"index":0,"delta":{"role":"assistant","content":null}}],"created":1,"object":"chat.completion.chunk"}

data: {"choices":[{"finish_reason":null,"index":0,"delta":{"content":"Hello"}}],"created":1,"object":"chat.completion.chunk"}

data: {"choices":[{"finish_reason":"length","index":0,"delta":{}}],"created":1,"object":"chat.completion.chunk","timings":{"cache_n":9}}

data: [DONE]

`,
  // Its one token is in no delta.
  "Ollama 0.17.4": `data: {"object":"chat.completion.chunk","created":1,"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":"length"}]}

data: [DONE]

`,
  "vLLM 0.32.0": `data: {"object":"chat.completion.chunk","created":1,"choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"prompt_token_ids":null}

data: {"object":"chat.completion.chunk","created":1,"choices":[{"index":0,"delta":{"content":"Hi"},"logprobs":null,"finish_reason":"length","stop_reason":null,"token_ids":null}]}

data: [DONE]

`,
  "SGLang 0.5.21": `data: {"object":"chat.completion.chunk","created":1,"choices":[{"index":0,"delta":{"reasoning_content":null,"role":"assistant","content":""},"logprobs":null,"finish_reason":null,"matched_stop":null}]}

data: {"object":"chat.completion.chunk","created":1,"choices":[{"index":0,"delta":{"reasoning_content":null},"logprobs":null,"finish_reason":"length","matched_stop":null}]}

data: [DONE]

`,
  "the embedded engine": `data: {"created":1,"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":"Hello"},"logprobs":null,"finish_reason":null}]}

data: {"created":1,"object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"length"}]}

data: [DONE]

`,
};

describe("a token is a streamed choice", () => {
  it.each([
    ...Object.entries(RECORDED),
    ["an empty delta", chunk({ index: 0, delta: role, finish_reason: "length" }) + done],
    ["a thought", chunk({ index: 0, delta: { reasoning_content: "Hm" } })],
    ["an error that is null", chunk({ index: 0, delta: role }, { error: null })],
    ["the word error in the text", chunk({ index: 0, delta: { content: '"error"' } })],
    // Azure's first event, and comments of a router that waits.
    ["events without a choice before it", `: wait\n\n${usage}${chunk({ delta: role })}`],
    ["no space behind the colon", chunk({ delta: role }).replace(": ", ":")],
  ])("%s", (_title, text) => {
    expect(judge({ status: 200, text, firstEventMs: 12.4 })).toEqual({
      kind: "ok",
      facts: { firstTokenMs: 12 },
    });
  });

  it.each([
    ["a page", "<html><title>Router login</title></html>", "a web page: Router login"],
    ["nothing", "", "an empty answer"],
    ["an end without a beginning", done, "[DONE]"],
    ["usage and no choice", usage + done, '{"choices":[]'],
    ["an answer in one piece", '{"choices":[{"message":{"content":"Hi"}}]}', "{"],
    ["an error that is null, and nothing else", 'data: {"error":null}\n\n', '{"error":null}'],
  ])("%s is none", (_title, text, words) => {
    const verdict = judge({ status: 200, text });
    expect(verdict).toMatchObject({
      kind: "wait",
      why: expect.stringContaining(`HTTP 200 without a stream of tokens: ${words}`),
    });
  });

  it.each([
    ["inside a stream that began well", chunk({ delta: role }) + 'data: {"error":"no memory"}\n\n'],
    // LM Studio's: https://github.com/lmstudio-ai/lmstudio-bug-tracker/issues/2322
    ["as an event", 'event: error\ndata: {"error":{"message":"no memory"},"message":"x"}\n\n'],
    ["in one piece", '{"error":{"message":"no memory"}}'],
  ])("an error %s is told in its words", (_title, text) => {
    expect(judge({ status: 200, text })).toEqual({
      kind: "fatal",
      why: "no memory",
      next: "--context",
    });
  });
});

it.each([
  ['{"model":"m","response":"","done":true,"done_reason":"load"}', "ok"],
  ['{"model":"m","response":"a","done":false}\n{"model":"m","response":"","done":true}\n', "ok"],
  ['{"model":"m","response":"a","done":false}\n', "wait"],
  ["<html>", "wait"],
  ["", "wait"],
])("Ollama's own API with %j: %s", (text, kind) => {
  expect(judgeDone({ status: 200, text }, [])).toMatchObject({ kind });
});
