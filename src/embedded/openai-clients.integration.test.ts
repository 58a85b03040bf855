import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import {
  type EmbeddedServer,
  startEmbedded,
  TEST_KEY,
  TEST_MODEL,
} from "../testing/embedded-server.ts";
import { pythonWithOpenai, whyNoPython } from "../testing/python-openai.ts";
import { starterModel } from "../testing/starter-model.ts";

let server: EmbeddedServer;
let client: OpenAI;
beforeAll(async () => {
  server = await startEmbedded({ modelPath: await starterModel(), parallel: 2 });
  client = new OpenAI({ baseURL: `${server.origin}/v1`, apiKey: TEST_KEY, maxRetries: 0 });
  await server.ready();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const model = TEST_MODEL;
const ask = [{ role: "user", content: "What is the weather in Paris?" }] as const;
const weather = {
  type: "function",
  function: {
    name: "get_weather",
    description: "Weather in a city.",
    parameters: {
      type: "object",
      properties: {
        city: { type: "string", maxLength: 20 },
        unit: { enum: ["celsius", "fahrenheit"] },
        days: { type: "integer" },
      },
      required: ["city"],
    },
  },
} as const;
const time = {
  type: "function",
  function: {
    name: "get_time",
    parameters: {
      type: "object",
      properties: { zone: { enum: ["utc", "cet"] } },
      required: ["zone"],
    },
  },
} as const;
const weatherArguments = z.strictObject({
  city: z.string().max(20),
  unit: z.enum(["celsius", "fahrenheit"]).optional(),
  days: z.int().optional(),
});

describe("OpenAI's client for Node", () => {
  it("gets the same answer whole and streamed, with true usage", async () => {
    const options = { model, messages: [...ask], max_tokens: 12, temperature: 0 };
    const whole = await client.chat.completions.create(options);
    const stream = await client.chat.completions.create({
      ...options,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = "";
    let usage: OpenAI.CompletionUsage | null | undefined;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      usage = chunk.usage ?? usage;
    }
    expect(text).toBe(whole.choices[0]?.message.content);
    expect(text).not.toBe("");
    expect(whole.choices[0]?.finish_reason).toBe("length");
    expect(whole.usage).toMatchObject({ completion_tokens: 12 });
    expect(usage).toMatchObject({
      prompt_tokens: whole.usage?.prompt_tokens,
      completion_tokens: 12,
    });
  });

  it("gets the same answer for the same seed, another for another", async () => {
    const once = async (seed: number): Promise<string | null | undefined> => {
      const answer = await client.chat.completions.create({
        model,
        messages: [{ role: "user", content: "Tell me a story." }],
        max_completion_tokens: 16,
        temperature: 1.5,
        seed,
      });
      return answer.choices[0]?.message.content;
    };
    const first = await once(7);
    expect(await once(7)).toBe(first);
    expect(await once(8)).not.toBe(first);
  });

  it("stops before a stop text, wherever tokens begin and end", async () => {
    const options = { model, messages: [...ask], max_tokens: 24, temperature: 0 };
    const whole = await client.chat.completions.create(options);
    const text = whole.choices[0]?.message.content ?? "";
    const stop = text.slice(text.length / 2, text.length / 2 + 5);
    const cut = await client.chat.completions.create({ ...options, stop: ["never", stop] });
    expect(cut.choices[0]?.finish_reason).toBe("stop");
    expect(cut.choices[0]?.message.content).toBe(text.slice(0, text.indexOf(stop)));
  });

  it.each([1, 2, 3, 4, 5])("gets a well-formed forced call (seed %i)", async (seed) => {
    const answer = await client.chat.completions.create({
      model,
      messages: [...ask],
      tools: [time, weather],
      tool_choice: { type: "function", function: { name: "get_weather" } },
      max_tokens: 300,
      seed,
    });
    const [choice] = answer.choices;
    const calls = choice?.message.tool_calls ?? [];
    expect(calls).toHaveLength(1);
    expect(choice?.finish_reason).toBe("tool_calls");
    const [call] = calls;
    if (call?.type !== "function") throw new Error("no function");
    expect(call.function.name).toBe("get_weather");
    const value: unknown = JSON.parse(call.function.arguments);
    expect(weatherArguments.safeParse(value).error).toBeUndefined();
  });

  it("gets a required call streamed, in pieces that make the same call", async () => {
    const runner = client.chat.completions.stream({
      model,
      messages: [...ask],
      tools: [weather, time],
      tool_choice: "required",
      parallel_tool_calls: false,
      max_tokens: 300,
      seed: 3,
    });
    const answer = await runner.finalChatCompletion();
    const [call] = answer.choices[0]?.message.tool_calls ?? [];
    if (call?.type !== "function") throw new Error("no function");
    expect(["get_weather", "get_time"]).toContain(call.function.name);
    expect(() => void JSON.parse(call.function.arguments)).not.toThrow();
    expect(answer.choices[0]?.finish_reason).toBe("tool_calls");
  });

  it("gets a call that the model makes of its own accord, well-formed", async () => {
    const turn = (city: string): OpenAI.ChatCompletionMessageParam[] => [
      { role: "user", content: `What is the weather in ${city}?` },
      {
        role: "assistant",
        content: null,
        tool_calls: [
          {
            id: `call_${city}`,
            type: "function",
            function: { name: "get_weather", arguments: JSON.stringify({ city }) },
          },
        ],
      },
    ];
    const answer = await client.chat.completions.create({
      model,
      messages: [...turn("Rome"), ...turn("Oslo"), ...turn("Lima"), ...ask],
      tools: [weather, time],
      temperature: 0,
      max_tokens: 100,
    });
    const [choice] = answer.choices;
    expect(choice?.finish_reason).toBe("tool_calls");
    expect(choice?.message.tool_calls).toMatchObject([
      { type: "function", function: { name: "get_weather" } },
    ]);
    const [call] = choice?.message.tool_calls ?? [];
    if (call?.type !== "function") throw new Error("no function");
    const value: unknown = JSON.parse(call.function.arguments);
    expect(weatherArguments.safeParse(value).data?.city).toBe("Paris");
  });

  it("carries a call's result back to the model", async () => {
    const answer = await client.chat.completions.create({
      model,
      messages: [
        { role: "developer", content: "Be brief." },
        ...ask,
        {
          role: "assistant",
          content: null,
          tool_calls: [
            {
              id: "call_1",
              type: "function",
              function: { name: "get_weather", arguments: '{"city":"Paris"}' },
            },
          ],
        },
        { role: "tool", tool_call_id: "call_1", content: '{"sky":"purple"}' },
      ],
      tools: [weather],
      max_tokens: 30,
      temperature: 0,
    });
    expect(answer.choices[0]?.message.content).toMatch(/purple/);
  });

  it("never gets a call with tool_choice none", async () => {
    const answer = await client.chat.completions.create({
      model,
      messages: [...ask],
      tools: [weather],
      tool_choice: "none",
      max_tokens: 20,
    });
    expect(answer.choices[0]?.message.tool_calls).toBeUndefined();
  });

  it.each([1, 2, 3])("gets JSON of the schema (seed %i)", async (seed) => {
    const answer = await client.chat.completions.create({
      model,
      messages: [{ role: "user", content: "Describe a person." }],
      max_tokens: 400,
      seed,
      response_format: {
        type: "json_schema",
        json_schema: {
          name: "person",
          strict: true,
          schema: {
            type: "object",
            properties: {
              name: { type: "string", maxLength: 30 },
              age: { type: "integer" },
              mood: { enum: ["glad", "sad"] },
              tags: { type: "array", items: { type: "string", maxLength: 10 }, maxItems: 3 },
            },
            required: ["name", "age", "mood", "tags"],
            additionalProperties: false,
          },
        },
      },
    });
    const schema = z.strictObject({
      name: z.string(),
      age: z.int(),
      mood: z.enum(["glad", "sad"]),
      tags: z.array(z.string()).max(3),
    });
    const value: unknown = JSON.parse(answer.choices[0]?.message.content ?? "");
    expect(schema.safeParse(value).error).toBeUndefined();
  });

  it("gets embeddings that tell likeness, in both encodings", async () => {
    const texts = ["A cat sat on the mat.", "A cat lay on the mat.", "Interest rates rose by 2 %."];
    const [a, b, c] = (await client.embeddings.create({ model, input: texts })).data;
    const floats = await client.embeddings.create({
      model,
      input: texts,
      encoding_format: "float",
    });
    const dot = (x: readonly number[] = [], y: readonly number[] = []): number =>
      x.reduce((sum, value, index) => sum + value * (y[index] ?? 0), 0);
    expect(dot(a?.embedding, a?.embedding)).toBeCloseTo(1, 3);
    expect(dot(a?.embedding, b?.embedding)).toBeGreaterThan(dot(a?.embedding, c?.embedding));
    expect(dot(a?.embedding, floats.data[0]?.embedding)).toBeCloseTo(1, 3);
    expect(floats.usage.prompt_tokens).toBeGreaterThan(10);
  });

  it("gets text completions, streamed too", async () => {
    const options = { model, prompt: "The capital of France is", max_tokens: 3, temperature: 0 };
    const whole = await client.completions.create(options);
    let text = "";
    for await (const chunk of await client.completions.create({ ...options, stream: true })) {
      text += chunk.choices[0]?.text ?? "";
    }
    expect(text).toBe(whole.choices[0]?.text);
    expect(text).toContain("Paris");
  });

  it("gets each refusal as the right exception", async () => {
    const refused = async (options: object): Promise<unknown> =>
      client.chat.completions.create({ model, messages: [...ask], max_tokens: 1, ...options }).then(
        () => undefined,
        (error: unknown) => error,
      );
    expect(await refused({ model: "gpt-4" })).toBeInstanceOf(OpenAI.NotFoundError);
    const long = await refused({ messages: [{ role: "user", content: "word ".repeat(3000) }] });
    expect(long).toBeInstanceOf(OpenAI.BadRequestError);
    expect(long).toMatchObject({ code: "context_length_exceeded", param: "messages" });
    const stranger = new OpenAI({ baseURL: `${server.origin}/v1`, apiKey: "x", maxRetries: 0 });
    await expect(stranger.models.list()).rejects.toBeInstanceOf(OpenAI.AuthenticationError);
  });
});

const obstacle = whyNoPython();
describe.skipIf(obstacle !== undefined)(
  `OpenAI's client for Python${obstacle === undefined ? "" : ` (${obstacle})`}`,
  () => {
    let python = "";
    beforeAll(async () => {
      python = await pythonWithOpenai();
    });

    it("understands everything that it is answered", async () => {
      const script = fileURLToPath(new URL("../testing/openai-judge.py", import.meta.url));
      const { stdout } = await promisify(execFile)(python, [
        script,
        `${server.origin}/v1`,
        TEST_KEY,
        model,
      ]);
      const seen = JSON.parse(stdout) as Record<string, unknown>;
      expect(seen).toMatchObject({
        usage: 8,
        stream_usage: 8,
        stream: seen["whole"],
        tool: ["get_weather", ["city"], "tool_calls"],
        models: [model],
        embedding: 576,
        completion: "length",
        NotFoundError: ["NotFoundError", "model_not_found"],
        BadRequestError: ["BadRequestError", "context_length_exceeded"],
        AuthenticationError: ["AuthenticationError", "invalid_api_key"],
      });
    });
  },
);
