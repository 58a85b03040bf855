import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  BODY_LIMIT,
  type GatewayRequest,
  type GatewayRig,
  gatewayRig,
} from "../testing/gateway-rig.ts";
import { requireDocker } from "../testing/require-docker.ts";

const runtime = await requireDocker();

describe.skipIf(runtime === undefined)("the gateway", () => {
  let rig: GatewayRig;

  beforeAll(async () => {
    if (runtime !== undefined) rig = await gatewayRig(runtime, AbortSignal.timeout(60_000));
  });
  afterAll(async () => {
    await (rig as GatewayRig | undefined)?.[Symbol.asyncDispose]();
  });

  const json = (path: string, more: Partial<GatewayRequest> = {}): GatewayRequest => ({
    path,
    body: "{}",
    ...more,
  });
  const get = (headers: Readonly<Record<string, string>>): GatewayRequest => ({
    path: "/v1/models",
    headers,
  });

  it.each<[string, number, () => GatewayRequest]>([
    ["the key", 200, () => get({})],
    ["the key, scheme in lower case", 200, () => get({ authorization: `bearer ${rig.key}` })],
    [
      "the key as Anthropic's clients send it",
      200,
      () => get({ authorization: "", "x-api-key": rig.key }),
    ],
    ["no key", 401, () => get({ authorization: "" })],
    ["a wrong key", 401, () => get({ authorization: "Bearer no" })],
    ["the key's hash for a key", 401, () => get({ authorization: "Bearer ".padEnd(71, "a") })],
    ["localhost with the port", 200, () => get({ host: `localhost:${rig.port}` })],
    ["localhost in capitals", 200, () => get({ host: `LOCALHOST:${rig.port}` })],
    ["IPv6 loopback", 200, () => get({ host: `[::1]:${rig.port}` })],
    ["a foreign host", 403, () => get({ host: "evil.example" })],
    ["a foreign host that begins like ours", 403, () => get({ host: "127.0.0.1.evil.example" })],
    ["another port", 403, () => get({ host: "localhost:1" })],
    ["a foreign host without key", 403, () => get({ host: "evil.example", authorization: "" })],
    ["a local page", 200, () => get({ origin: "http://localhost:3000" })],
    ["a foreign page", 403, () => get({ origin: "https://evil.example" })],
    ["a sandboxed page", 403, () => get({ origin: "null" })],
    ["pull", 404, () => json("/api/pull")],
    ["push", 404, () => json("/api/push")],
    ["create", 404, () => json("/api/create")],
    ["copy", 404, () => json("/api/copy")],
    ["delete", 404, () => json("/api/delete", { method: "DELETE" })],
    ["blobs", 404, () => json(`/api/blobs/sha256:${"0".repeat(64)}`)],
    ["pull without key", 401, () => json("/api/pull", { headers: { authorization: "" } })],
    ["pull, percent-encoded", 404, () => json("/api/%70ull")],
    ["pull, by a detour", 404, () => ({ path: "/v1/models/../../api/pull" })],
    ["pull, by an encoded detour", 404, () => ({ path: "/v1/models/%2e%2e/%2E%2e/api/pull" })],
    ["pull, with a doubled slash", 404, () => json("//api/pull")],
    ["pull, as an absolute address", 404, () => json(`http://127.0.0.1:${rig.port}/api/pull`)],
    ["one model", 200, () => ({ path: "/v1/models/library%2Fsmollm2:135m" })],
    ["the wrong method", 405, () => ({ path: "/v1/chat/completions" })],
    [
      "a body of unknown length",
      411,
      () => json("/api/show", { headers: { "transfer-encoding": "chunked" } }),
    ],
    [
      "a body of unknown length where none belongs",
      411,
      () => get({ "transfer-encoding": "chunked" }),
    ],
    [
      "a length beside an unknown one",
      411,
      () => get({ "transfer-encoding": "chunked", "content-length": "2" }),
    ],
    ["a body beyond the limit where none belongs", 413, () => get({ "content-length": "1000001" })],
    ["a body at the limit", 200, () => json("/api/show", { body: "x".repeat(BODY_LIMIT) })],
    ["a body beyond the limit", 413, () => json("/api/show", { body: "x".repeat(BODY_LIMIT + 1) })],
    [
      "a body far beyond the limit",
      413,
      () => json("/api/show", { body: "x".repeat(100_000_000) }),
    ],
    ["its metrics", 200, () => ({ path: "/metrics" })],
    ["its metrics without key", 401, () => ({ path: "/metrics", headers: { authorization: "" } })],
    ["the endpoint's description", 200, () => ({ path: "/stack/endpoint" })],
  ])("%s: %i", async (_, status, question) => {
    const answer = await rig.send(question());
    expect(answer.status).toBe(status);
    if (status < 400) return;
    // The outer type is what Anthropic's clients look for, the code what OpenAI's do.
    expect(JSON.parse(answer.text)).toMatchObject({
      type: "error",
      error: { message: expect.any(String), type: expect.any(String), code: expect.any(String) },
    });
  });

  it("serves what fetch sends", async () => {
    const answer = await fetch(`http://127.0.0.1:${rig.port}/api/show`, {
      method: "POST",
      headers: { authorization: `Bearer ${rig.key}` },
      body: JSON.stringify({ text: "x".repeat(300_000) }),
    });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ body: 300_011 });
  });

  it("hands on neither the key nor where the request came from", async () => {
    const headers = { "x-api-key": rig.key, cookie: "kept=1" };
    const { text } = await rig.send(json("/api/show", { headers }));
    expect(text).toContain("cookie: kept=1");
    expect(text).toContain("host: engine:11434");
    expect(text).not.toMatch(/authorization|x-api-key|forwarded|sk-of-a-test/i);
  });

  it("sends each event on as it comes", async () => {
    const answer = await rig.open(json("/v1/chat/completions"));
    let arrivals = 0;
    let events = 0;
    for await (const chunk of answer) {
      arrivals += 1;
      events += String(chunk).split("data:").length - 1;
    }
    expect(events).toBe(40);
    // The engine pauses 15 ms after each; bunched into bursts of 200 ms they would come in 3 or 4 arrivals.
    // How long the gaps are is what `pnpm bench:gateway` measures, on a machine that does nothing else.
    expect(arrivals).toBeGreaterThan(12);
  });

  it("takes the request back when the client goes, also before the first token", async () => {
    const abort = new AbortController();
    const asking = rig.send(json("/api/generate", { signal: abort.signal }));
    await logged("stalling");
    abort.abort();
    await expect(asking).rejects.toThrow("abort");
    await logged("client gone");
  });

  it("says that the engine broke off", async () => {
    // The head had arrived, so all that is left is to break the connection too.
    await expect(rig.send(json("/api/embed"))).rejects.toThrow("aborted");
  });

  it("says that the engine is away at once, and finds it again", async () => {
    await rig.endEngine();
    const began = performance.now();
    const answer = await rig.send({ path: "/v1/models" });
    expect(answer.status).toBe(503);
    expect(performance.now() - began).toBeLessThan(8000);
    expect(JSON.parse(answer.text)).toMatchObject({ error: { code: "engine_down" } });
    await runtime?.containers.start(rig.engine);
    await expect
      .poll(async () => (await rig.send({ path: "/v1/models" })).status, { timeout: 15_000 })
      .toBe(200);
  });

  it("keeps secrets out of its log and of what the daemon tells", async () => {
    const log = (await runtime?.containers.tail(rig.gateway, 1000))?.join("\n") ?? "";
    expect(log).toContain(" 404 POST /api/pull ");
    expect(log).not.toContain(rig.key);
  });

  async function logged(line: string): Promise<void> {
    for (let turn = 0; turn < 200; turn += 1) {
      if ((await runtime?.containers.tail(rig.engine, 20))?.includes(line)) return;
      await delay(25);
    }
    throw new Error(`the engine never logged "${line}"`);
  }
});
