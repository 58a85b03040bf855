import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { type EmbeddedServer, startEmbedded } from "../testing/embedded-server.ts";
import { starterModel } from "../testing/starter-model.ts";

let server: EmbeddedServer;
beforeAll(async () => {
  server = await startEmbedded({
    modelPath: await starterModel(),
    context: 1024,
    parallel: 2,
    queue: 1,
    maxOutputTokens: 64,
  });
  await server.ready();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const chat = (content: string, options: object = {}) => ({
  messages: [{ role: "user", content }],
  temperature: 0,
  ...options,
});
/** Runs until it is stopped: numbers have no end, and end-of-text is no number. */
const endless = {
  prompt: "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,",
  temperature: 0,
  max_tokens: 900,
  stream: true,
};
const usageSchema = z.object({
  usage: z.object({
    prompt_tokens: z.int(),
    completion_tokens: z.int(),
    prompt_tokens_details: z.object({ cached_tokens: z.int() }),
  }),
});
async function ask(path: string, body: unknown): Promise<z.infer<typeof usageSchema>> {
  return usageSchema.parse(await (await server.request(path, body)).json());
}

/** An answer that has begun to arrive and can be left. */
async function begin(body: unknown): Promise<{ leave: () => Promise<void> }> {
  const abort = new AbortController();
  const answer = await server.request("/v1/completions", body, { signal: abort.signal });
  const reader = answer.body?.getReader();
  await reader?.read();
  return {
    leave: async () => {
      abort.abort();
      await reader?.closed.catch(() => undefined);
    },
  };
}

async function untilMetric(sample: string, wanted: number, withinMs: number): Promise<number> {
  const begin = performance.now();
  while (performance.now() - begin < withinMs) {
    if ((await server.metric(sample)) === wanted) return performance.now() - begin;
    await delay(10);
  }
  throw new Error(`${sample} is not ${wanted} after ${withinMs} ms`);
}

describe("requests that share the engine", () => {
  it("run side by side, wait, are refused past the bound, and go on when one leaves", async () => {
    const first = await begin(endless);
    const second = await begin(endless);
    const third = server.request("/v1/chat/completions", chat("Hi", { max_tokens: 3 }));
    await untilMetric("stack_queue_length", 1, 5000);
    const fourth = await server.request("/v1/chat/completions", chat("Hi", { max_tokens: 3 }));
    expect(fourth.status).toBe(503);
    expect(fourth.headers.get("retry-after")).toMatch(/^\d+$/);
    expect(await fourth.json()).toMatchObject({ error: { code: "queue_full" } });

    await first.leave();
    expect((await third).status).toBe(200);
    await second.leave();
    await untilMetric("stack_conversations_active", 0, 2000);
  });

  it("end at once when the client leaves in the middle of an answer", async () => {
    const running = await begin(endless);
    const before = await server.metric("stack_conversations_active");
    await running.leave();
    expect(before).toBe(1);
    expect(await untilMetric("stack_conversations_active", 0, 5000)).toBeLessThan(5000);
  });

  it("end when the client leaves while its prompt is read, before all of it is", async () => {
    const abort = new AbortController();
    // Nothing of it may be in memory, of an attempt before this one neither.
    const long = chat(`${performance.now()} ${"blue sky ".repeat(420)}`, { max_tokens: 1 });
    const answer = server
      .request("/v1/chat/completions", long, { signal: abort.signal })
      .catch(() => "left");
    await untilMetric("stack_conversations_active", 1, 2000);
    abort.abort();
    expect(await answer).toBe("left");
    await untilMetric("stack_conversations_active", 0, 20_000);
    const { usage } = await ask("/v1/chat/completions", long);
    expect(usage.prompt_tokens_details.cached_tokens).toBeLessThan(usage.prompt_tokens / 2);
  });

  it("leave the queue when their client does", async () => {
    const running = [await begin(endless), await begin(endless)];
    const abort = new AbortController();
    const waiting = server
      .request("/v1/chat/completions", chat("Hi"), { signal: abort.signal })
      .catch(() => "left");
    await untilMetric("stack_queue_length", 1, 5000);
    abort.abort();
    expect(await waiting).toBe("left");
    await untilMetric("stack_queue_length", 0, 2000);
    for (const one of running) await one.leave();
  });
});

describe("embeddings", () => {
  const embed = (abort?: AbortController) =>
    server.request(
      "/v1/embeddings",
      // Some seconds of work, at one thread.
      { input: Array.from({ length: 200 }, (_, n) => `${n} ${"blue sky ".repeat(100)}`) },
      abort === undefined ? {} : { signal: abort.signal },
    );

  it("wait for their turn, are refused past the bound, and leave with their client", async () => {
    const [running, waiting] = [new AbortController(), new AbortController()];
    const first = embed(running).catch(() => "left");
    const second = embed(waiting).catch(() => "left");
    await untilMetric("stack_queue_length", 1, 10_000);
    const third = await embed();
    expect(third.status).toBe(503);
    expect(third.headers.get("retry-after")).toMatch(/^\d+$/);
    expect(await third.json()).toMatchObject({ error: { code: "queue_full" } });
    waiting.abort();
    expect(await second).toBe("left");
    await untilMetric("stack_queue_length", 0, 2000);
    running.abort();
    expect(await first).toBe("left");
    const answer = await server.request("/v1/embeddings", { input: "short" });
    expect(answer.status).toBe(200);
  });
});

describe("a conversation", () => {
  it("is not read again from its beginning at each turn, also beside another", async () => {
    const history = (name: string): string => `${name} says: ${`${name} likes tea. `.repeat(24)}`;
    const turn = (name: string, more: string) =>
      ask("/v1/chat/completions", chat(history(name) + more, { max_tokens: 4 }));
    const [a, b] = [await turn("Anna", "One."), await turn("Boris", "One.")];
    const [a2, b2] = [await turn("Anna", "Two."), await turn("Boris", "Two.")];
    for (const [first, second] of [
      [a, a2],
      [b, b2],
    ] as const) {
      const cached = second.usage.prompt_tokens_details.cached_tokens;
      expect(cached).toBeGreaterThan(first.usage.prompt_tokens * 0.9);
    }
  });

  it("gives the same answer whether its beginning was in memory or not", async () => {
    const body = chat("Name three colours of the rainbow.", { max_tokens: 20 });
    const text = async (): Promise<string> => {
      const answer = (await (await server.request("/v1/chat/completions", body)).json()) as {
        choices: { message: { content: string } }[];
      };
      return answer.choices[0]?.message.content ?? "";
    };
    const fresh = await text();
    expect(await text()).toBe(fresh);
  });

  it("is as long as configured when the request names no limit", async () => {
    const { max_tokens: _, stream: __, ...body } = endless;
    expect((await ask("/v1/completions", body)).usage.completion_tokens).toBe(64);
  });
});
