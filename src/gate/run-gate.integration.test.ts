import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { StackError } from "../errors.ts";
import { testHost } from "../testing/test-host.ts";
import type { Probe } from "./probe.ts";
import { type GateOptions, runGate } from "./run-gate.ts";

const probe = (
  rung: Probe["rung"],
  path: string,
  read: Probe["request"]["read"] = "whole",
): Probe => ({
  rung,
  attemptMs: 200,
  request: { method: "GET", path, read },
  judge: ({ status, text }) => {
    if (status === 200) return { kind: "ok", facts: { [rung]: text.trim() } };
    if (status === 400) return { kind: "fatal", why: text };
    return { kind: "wait", why: `status ${status}` };
  },
});
const forever = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));

async function server(
  listener: RequestListener,
): Promise<{ readonly origin: string } & Disposable> {
  const http = createServer(listener).listen(0, "127.0.0.1");
  await new Promise((resolve) => http.once("listening", resolve));
  return {
    origin: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    [Symbol.dispose]: () => {
      http.closeAllConnections();
      http.close();
    },
  };
}

const options = (origin: string, change: Partial<GateOptions> = {}): GateOptions => ({
  origin,
  apiKey: "k",
  timeoutMs: 5000,
  watch: forever,
  tail: async () => ["last words"],
  ...change,
});

/** A log that is behind at the first look. */
function slowLog(): GateOptions["tail"] {
  const looks = [["early"], ["late"]];
  return async () => looks.shift() ?? [];
}

describe("the gate", () => {
  it("climbs rung by rung, asks again until each says ok, and gathers what they found", async () => {
    await using test = await testHost();
    const asked: string[] = [];
    using engine = await server((request, response) => {
      asked.push(`${request.url} ${request.headers.authorization}`);
      response.statusCode = asked.length < 3 ? 503 : 200;
      response.end("fine");
    });
    const facts = await runGate(
      test.context,
      [probe("up", "/up"), probe("listed", "/models")],
      options(engine.origin),
    );
    expect(facts).toEqual({ up: "fine", listed: "fine" });
    expect(asked).toEqual(["/up Bearer k", "/up Bearer k", "/up Bearer k", "/models Bearer k"]);
    expect(test.events.map((event) => event.type === "rung" && event.rung)).toEqual([
      "up",
      "listed",
    ]);
  });

  it("hears a stream to its end, which some servers do not survive otherwise", async () => {
    await using test = await testHost();
    const ended = Promise.withResolvers<boolean>();
    using engine = await server((_request, response) => {
      response.on("close", () => ended.resolve(response.writableFinished));
      response.write('data: {"a":1}\n\n');
      // The first event is there by then, and whoever breaks off has done so.
      setTimeout(() => response.end("data: [DONE]\n\n"), 50);
    });
    const facts = await runGate(
      test.context,
      [probe("first-token", "/", { restMs: 5000 })],
      options(engine.origin),
    );
    expect(facts["first-token"]).toContain("[DONE]");
    expect(await ended.promise).toBe(true);
  });

  it("is passed by a stream that does not end, a while after its first event", async () => {
    await using test = await testHost();
    using engine = await server((_request, response) => {
      response.write(': comment\n\ndata: {"a":1}\n\n');
    });
    const facts = await runGate(
      test.context,
      [probe("first-token", "/", { restMs: 20 })],
      options(engine.origin),
    );
    expect(facts["first-token"]).toContain('data: {"a":1}');
  });

  it("goes on past an attempt that hangs", async () => {
    await using test = await testHost();
    let asked = 0;
    using engine = await server((_request, response) => {
      asked += 1;
      if (asked > 1) response.end("fine");
    });
    await runGate(test.context, [probe("up", "/")], options(engine.origin));
    expect(asked).toBe(2);
  });

  it.each<[string, number, Partial<GateOptions>, object]>([
    [
      "time runs out: the rung, the last answer and the log",
      503,
      { timeoutMs: 150 },
      {
        code: "NOT_READY",
        what: expect.stringContaining('"up"'),
        why: expect.stringContaining("status 503"),
        detail: ["last words"],
      },
    ],
    [
      "a probe knows that asking again will not help",
      400,
      {},
      { code: "NOT_READY", why: "no", detail: ["last words"] },
    ],
    [
      "it knows that, and the log says why",
      400,
      { explain: async () => ({ code: "MODEL_UNAVAILABLE", why: "a cause", next: "a way" }) },
      { code: "MODEL_UNAVAILABLE", why: "a cause", next: "a way", detail: ["last words"] },
    ],
    [
      "it knows that, and the log comes after the answer",
      400,
      {
        tail: slowLog(),
        explain: async ([line]) =>
          line === "late" ? { code: "DOES_NOT_FIT", why: "a cause", next: "a way" } : undefined,
      },
      { code: "DOES_NOT_FIT", detail: ["late"] },
    ],
    [
      "it knows that, and the log says nothing",
      400,
      { explain: async () => undefined },
      { code: "NOT_READY", why: "no", next: "stack logs" },
    ],
    [
      "the engine stops meanwhile",
      503,
      {
        watch: async () => {
          throw new StackError("ENGINE_STOPPED", { what: "gone" });
        },
      },
      { code: "ENGINE_STOPPED" },
    ],
  ])("fails when %s", async (_title, status, change, expected) => {
    await using test = await testHost();
    using engine = await server((_request, response) => {
      response.statusCode = status;
      response.end("no");
    });
    await expect(
      runGate(test.context, [probe("up", "/")], options(engine.origin, change)),
    ).rejects.toMatchObject(expected);
  });

  it("ends with the command's own reason when that is interrupted", async () => {
    await using test = await testHost();
    const reason = new StackError("INTERRUPTED", { what: "stop" });
    using engine = await server(() => {
      test.abort.abort(reason);
    });
    await expect(runGate(test.context, [probe("up", "/")], options(engine.origin))).rejects.toBe(
      reason,
    );
  });
});
