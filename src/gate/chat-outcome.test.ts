import { expect, it } from "vitest";
import { chatOutcome } from "./chat-outcome.ts";

const message = { role: "assistant", content: null };
const completion = { choices: [{ index: 0, message }], usage: { prompt_tokens: 12 } };

/** How servers refuse a prompt that is too long, each by its source or as it was seen. */
const NAMING_8192 = [
  "This model's maximum context length is 8192 tokens. However, your request has 9000 input tokens.",
  "request (9000 tokens) exceeds the available context size (8192 tokens), try increasing it",
  "The input (9000 tokens) is longer than the model's context length (8192 tokens).",
  "Requested token count exceeds the model's maximum context length of 8192 tokens. You requested a total of 9000 tokens",
  "Input length (9000 tokens) exceeds the maximum allowed length (8192 tokens). Use a shorter input or enable --allow-auto-truncate.",
];

it.each<readonly [number, unknown, object]>([
  [200, completion, { kind: "answered", tokens: 12 }],
  [200, { ...completion, error: null }, { kind: "answered", tokens: 12 }],
  [200, { choices: [{ message }] }, { kind: "answered", tokens: undefined }],
  [200, { choices: [] }, { kind: "failed", why: expect.stringContaining("without a chat") }],
  [200, "", { kind: "failed", why: "HTTP 200 without a chat completion: an empty answer" }],
  [200, "data: [DONE]\n\n", { kind: "failed" }],
  [
    200,
    "<html><title>Router login</title>",
    { kind: "failed", why: expect.stringContaining("a web page: Router login") },
  ],
  [200, { error: "greater than the context length" }, { kind: "failed" }],
  [200, { error: "exceeds n_ctx (4096)" }, { kind: "refused", window: 4096 }],
  [400, { error: { message: "Bad request." } }, { kind: "refused", why: "HTTP 400: Bad request." }],
  [413, "", { kind: "refused", why: "HTTP 413: an empty answer", window: undefined }],
  [422, { detail: "too long" }, { kind: "refused", why: "HTTP 422: too long" }],
  [500, { message: "maximum context length is 8192 tokens" }, { kind: "refused", window: 8192 }],
  ...NAMING_8192.map(
    (words) => [400, { error: words }, { kind: "refused", window: 8192 }] as const,
  ),
  [500, { error: { message: "CUDA error: out of memory" } }, { kind: "failed" }],
  [502, "<html>", { kind: "failed", why: "HTTP 502: a web page" }],
  [504, "", { kind: "failed" }],
  [404, { detail: "Not Found" }, { kind: "failed" }],
  [401, { error: { message: "no" } }, { kind: "forbidden", why: "HTTP 401: no" }],
  [403, "", { kind: "forbidden" }],
  [429, "", { kind: "busy" }],
  [503, { error: { message: "Loading model" } }, { kind: "busy" }],
])("%i with %j", (status, body, expected) => {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  expect(chatOutcome({ status, text })).toMatchObject(expected);
});
