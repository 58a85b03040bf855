import { afterAll, beforeAll, expect, it } from "vitest";
import { type EmbeddedServer, startEmbedded } from "../testing/embedded-server.ts";
import { starterModel } from "../testing/starter-model.ts";

/** What agents want; this model was trained for a quarter of it. */
const WINDOW = 32_768;

let server: EmbeddedServer;
beforeAll(async () => {
  server = await startEmbedded({
    modelPath: await starterModel(),
    context: WINDOW,
    stretch: true,
  });
  await server.ready();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const long = "word ".repeat(40_000);

it.each<readonly [string, string, object, string]>([
  [
    "a conversation",
    "/v1/chat/completions",
    { messages: [{ role: "user", content: long }] },
    "messages",
  ],
  [
    "one that is streamed",
    "/v1/chat/completions",
    { stream: true, messages: [{ role: "user", content: long }] },
    "messages",
  ],
  ["a text", "/v1/completions", { prompt: long }, "prompt"],
])(
  "refuses %s of 40,000 tokens at a window of 32,768, and computes nothing",
  async (_title, path, body, param) => {
    const answer = await server.request(path, body);
    expect(answer.status).toBe(400);
    expect(answer.headers.get("content-type")).toMatch(/^application\/json/);
    expect(await answer.json()).toEqual({
      error: {
        message: expect.stringMatching(/40,?\d{3}\b.*32,?768\b/),
        type: "invalid_request_error",
        param,
        code: "context_length_exceeded",
      },
    });
    expect(await server.metric("stack_prompt_tokens_total")).toBe(0);
  },
);
