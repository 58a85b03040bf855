import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { resolveSettings } from "../plan/resolve-settings.ts";
import type { ResolvedSettings } from "../plan/settings.ts";
import { fakeLmstudio } from "../testing/fake-lmstudio.ts";
import { fakeServer, type Quirks } from "../testing/fake-server.ts";
import { testHost } from "../testing/test-host.ts";
import { down } from "./down.ts";
import { status } from "./status.ts";
import type { StackEvent } from "../events.ts";
import { up } from "./up.ts";

const NO_DOCKER = { env: { DOCKER_HOST: "unix:///nowhere/docker.sock" } };

function settings(values: Readonly<Record<string, unknown>>): ResolvedSettings {
  const entries = Object.entries({ timeout: 10, ...values });
  const layer = entries.map(([key, value]) => {
    const flag = `--${key}`;
    return { key, value, isText: false, origin: { kind: "flag", flag }, where: flag } as const;
  });
  return resolveSettings([layer]);
}

describe("stack up lmstudio", () => {
  it("loads the model with the context in place of a smaller one, and then has nothing to do", async () => {
    await using test = await testHost(NO_DOCKER);
    await using app = await fakeLmstudio({ models: [{ key: "qwen3-8b", maximum: 131_072 }] });
    app.load("qwen3-8b", 4096);
    const wanted = settings({ engine: "lmstudio", url: app.origin });
    const first = await up(test.context, wanted, { dryRun: false, anew: false });
    expect(first.steps.map(({ id }) => id)).toEqual(["load", "gate"]);
    expect(app.loaded()).toEqual({ "qwen3-8b": 32_768 });
    expect(first.endpoint).toMatchObject({ contextWindow: 32_768, tools: true, adopted: true });
    const again = await up(test.context, wanted, { dryRun: false, anew: false });
    expect(again).toMatchObject({ changed: false, steps: [] });
    expect(await status(test.context, { name: "default" })).toMatchObject({
      state: "running",
      answers: true,
      seal: { kind: "adopted" },
    });
    expect(await down(test.context, { name: "default", purge: false })).toMatchObject({
      changed: true,
      leftRunning: `${app.origin}/v1`,
    });
    expect(app.loaded()).toEqual({ "qwen3-8b": 32_768 });
  });

  it("leaves alone what came with less context than was asked for, until it is asked anew", async () => {
    await using test = await testHost(NO_DOCKER);
    const models = [{ key: "m", maximum: 131_072 }];
    await using app = await fakeLmstudio({ models, gives: 20_000 });
    const wanted = settings({ engine: "lmstudio", url: app.origin });
    const options = { dryRun: false, anew: false };
    const { endpoint } = await up(test.context, wanted, options);
    expect(endpoint).toMatchObject({ contextWindow: 20_000 });
    expect(endpoint?.warnings.filter((each) => each.includes("32768"))).toEqual([
      expect.stringMatching(/20000 tokens of context where 32768 were asked for.*`stack restart`/),
    ]);
    const loads = (): number => app.seen.filter((each) => each.includes("/load ")).length;
    expect(await up(test.context, wanted, options)).toMatchObject({ changed: false, steps: [] });
    // What does not concern the load asks no other.
    const other = settings({ engine: "lmstudio", url: app.origin, maxOutputTokens: 77 });
    const described = await up(test.context, other, options);
    expect(described.steps.map(({ id }) => id)).toEqual(["gate"]);
    expect(await up(test.context, other, options)).toMatchObject({ changed: false });
    expect(loads()).toBe(1);
    await up(test.context, other, { dryRun: false, anew: true });
    expect(loads()).toBe(2);
    expect(app.loaded()).toEqual({ m: 20_000 });
  });

  it("leaves it alone also after another instance has served for a while", async () => {
    await using test = await testHost(NO_DOCKER);
    const models = [{ key: "m", maximum: 131_072 }];
    await using app = await fakeLmstudio({ models, gives: 20_000 });
    const wanted = settings({ engine: "lmstudio", url: app.origin, model: "m" });
    const options = { dryRun: false, anew: false };
    await up(test.context, wanted, options);
    app.load("m", 65_536);
    const { endpoint } = await up(test.context, wanted, options);
    expect(endpoint).toMatchObject({ model: "m:2", contextWindow: 65_536 });
    app.unload("m:2");
    const again = await up(test.context, wanted, options);
    expect(again.steps.map(({ id }) => id)).toEqual(["gate"]);
    expect(again.endpoint).toMatchObject({ model: "m", contextWindow: 20_000 });
  });

  it("loads it again when it was loaded with less since", async () => {
    await using test = await testHost(NO_DOCKER);
    const models = [{ key: "m", maximum: 131_072 }];
    await using app = await fakeLmstudio({ models, gives: 20_000 });
    const wanted = settings({ engine: "lmstudio", url: app.origin });
    await up(test.context, wanted, { dryRun: false, anew: false });
    app.unload("m");
    app.load("m", 4096);
    const again = await up(test.context, wanted, { dryRun: false, anew: false });
    expect(again.steps.map(({ id }) => id)).toContain("load");
    expect(app.loaded()).toEqual({ m: 20_000 });
  });

  it("leaves alone a model of which it is not told with how much context it is loaded, and says so", async () => {
    await using test = await testHost(NO_DOCKER);
    const models = [{ key: "m", maximum: 131_072 }];
    await using app = await fakeLmstudio({ models, tellsContext: false });
    app.load("m", 8192);
    const wanted = settings({ engine: "lmstudio", url: app.origin });
    const first = await up(test.context, wanted, { dryRun: false, anew: false });
    expect(first.steps.map(({ id }) => id)).toEqual(["gate"]);
    expect(test.events).toContainEqual({
      type: "warning",
      message: expect.stringContaining("does not say with how much context m is loaded"),
      next: "stack restart",
    });
    expect(await up(test.context, wanted, { dryRun: false, anew: false })).toMatchObject({
      changed: false,
    });
    expect(app.loaded()).toEqual({ m: 8192 });
    // Asked for, it is loaded, and left alone from then on.
    await up(test.context, wanted, { dryRun: false, anew: true });
    expect(app.loaded()).toEqual({ m: 32_768 });
    const told = test.events.length;
    expect(await up(test.context, wanted, { dryRun: false, anew: false })).toMatchObject({
      changed: false,
    });
    expect(test.events.slice(told).filter(({ type }) => type === "warning")).toEqual([]);
  });

  it("puts back, as the app loads it by itself, a model whose context nobody told", async () => {
    await using test = await testHost(NO_DOCKER);
    const models = [{ key: "m", maximum: 131_072 }];
    await using app = await fakeLmstudio({ models, tellsContext: false, fits: 8192 });
    app.load("m", 6000);
    const wanted = settings({ engine: "lmstudio", url: app.origin });
    await expect(up(test.context, wanted, { dryRun: false, anew: true })).rejects.toMatchObject({
      code: "DOES_NOT_FIT",
    });
    expect(app.loaded()).toEqual({ m: 4096 });
  });

  it("keeps what was adopted when asking again fails", async () => {
    await using test = await testHost(NO_DOCKER);
    await using app = await fakeLmstudio({ models: [{ key: "m", maximum: 131_072 }] });
    const options = { dryRun: false, anew: false };
    const first = await up(
      test.context,
      settings({ engine: "lmstudio", url: app.origin }),
      options,
    );
    const abort = new AbortController();
    const stopping = {
      ...test.context,
      signal: abort.signal,
      emit: (event: StackEvent) => {
        if (event.type === "step-started" && event.id === "gate") abort.abort(new Error("stop"));
      },
    };
    const again = settings({ engine: "lmstudio", url: app.origin, maxOutputTokens: 77 });
    await expect(up(stopping, again, options)).rejects.toThrow("stop");
    const { endpoint } = await status(test.context, { name: "default" });
    expect(endpoint).toMatchObject({ maxOutputTokens: first.endpoint?.maxOutputTokens });
  });

  it("puts back what it had unloaded when the larger one does not fit", async () => {
    await using test = await testHost(NO_DOCKER);
    const models = [{ key: "m", maximum: 131_072 }];
    await using app = await fakeLmstudio({ models, fits: 8192 });
    app.load("m", 4096);
    const wanted = settings({ engine: "lmstudio", url: app.origin });
    await expect(up(test.context, wanted, { dryRun: false, anew: false })).rejects.toMatchObject({
      code: "DOES_NOT_FIT",
    });
    expect(app.loaded()).toEqual({ m: 4096 });
  });

  it("names the command that starts the server when none is there", async () => {
    await using test = await testHost(NO_DOCKER);
    const wanted = settings({ engine: "lmstudio", url: "http://127.0.0.1:9" });
    await expect(up(test.context, wanted, { dryRun: false, anew: false })).rejects.toMatchObject({
      code: "ENGINE_STOPPED",
      next: "lms server start",
    });
  });
});

describe("stack up openai", () => {
  it.each<readonly [string, Quirks, Readonly<Record<string, unknown>>, object]>([
    [
      "max_model_len",
      { entry: { max_model_len: 8192 } },
      {},
      { contextWindow: 8192, measured: { context: { proof: "told" } } },
    ],
    [
      "llama-server's /props",
      {
        others: {
          "GET /props": { default_generation_settings: { n_ctx: 5000 }, total_slots: 2 },
        },
      },
      {},
      { contextWindow: 5000, measured: { parallel: 2 } },
    ],
    [
      "nothing, then it is assumed",
      {},
      { context: 8192 },
      { contextWindow: 8192, measured: { context: { proof: "assumed" } } },
    ],
    ["no list", { list: "missing" }, { model: "m" }, { model: "m" }],
    ["tools that are refused", { tools: "refused" }, {}, { tools: false }],
  ])("learns from %s", async (_title, quirks, values, expected) => {
    await using test = await testHost(NO_DOCKER);
    await using server = await fakeServer(quirks);
    const wanted = settings({ engine: "openai", url: server.origin, ...values });
    const result = await up(test.context, wanted, { dryRun: false, anew: false });
    expect(result.endpoint).toMatchObject(expected);
    expect(await up(test.context, wanted, { dryRun: false, anew: false })).toMatchObject({
      changed: false,
    });
  });

  it("that answers no chat is looked at by a command which reads the key where it is", async () => {
    await using test = await testHost(NO_DOCKER);
    const fails = { above: 0, status: 400, message: "no chats here" };
    await using server = await fakeServer({ key: "secret", fails });
    const keyFile = join(test.home, "the key");
    await writeFile(keyFile, "secret\n", { mode: 0o600 });
    const wanted = settings({ engine: "openai", url: server.origin, keyFile });
    const failed = up(test.context, wanted, { dryRun: false, anew: false });
    await expect(failed).rejects.toMatchObject({
      code: "NOT_READY",
      next: `curl -H "Authorization: Bearer $(cat '${keyFile}')" ${server.origin}/v1/models`,
    });
  });

  it("is told that a page is no model server, though it answers 200 to all", async () => {
    await using test = await testHost(NO_DOCKER);
    await using server = await fakeServer({ page: 200 });
    const wanted = settings({ engine: "openai", url: server.origin, model: "m" });
    await expect(up(test.context, wanted, { dryRun: false, anew: false })).rejects.toMatchObject({
      code: "NOT_READY",
      why: expect.stringContaining("without a stream of tokens: a web page: 502 Bad Gateway"),
    });
  });

  it.each<readonly [string, Quirks, object]>([
    ["refuses the key", { key: "new" }, { state: "degraded", answers: false }],
    ["has another model", { models: ["other"] }, { state: "degraded", answers: false }],
    ["is only a page of a proxy", { page: 502 }, { state: "stopped", answers: false }],
    ["is as it was", {}, { state: "running", answers: true }],
  ])("one that is adopted and then %s: status tells it", async (title, quirks, expected) => {
    await using test = await testHost(NO_DOCKER);
    await using server = await fakeServer();
    const wanted = settings({ engine: "openai", url: server.origin });
    await up(test.context, wanted, { dryRun: false, anew: false });
    const before = (await status(test.context, { name: "default" })).warnings;
    server.become(quirks);
    const report = await status(test.context, { name: "default" });
    expect(report).toMatchObject(expected);
    const words = {
      "refuses the key": /refuses the key/,
      "has another model": /no longer lists m/,
    };
    const added = report.warnings.filter((warning) => !before.includes(warning));
    const word = words[title as keyof typeof words];
    expect(added).toEqual(word === undefined ? [] : [expect.stringMatching(word)]);
  });

  it.each<readonly [string, Quirks, readonly unknown[]]>([
    [
      "vLLM that is old",
      { entry: { owned_by: "vllm" }, others: { "GET /version": { version: "0.11.0" } } },
      [expect.stringMatching(/^vLLM 0\.11\.0 has known security holes: 0\.32\.0 /)],
    ],
    [
      "vLLM that is new",
      { entry: { owned_by: "vllm" }, others: { "GET /version": { version: "0.33.1" } } },
      [],
    ],
    [
      "llama-server that is old",
      {
        entry: { owned_by: "llamacpp" },
        others: { "GET /props": { build_info: "b4719-d2fe216f" } },
      },
      [expect.stringMatching(/^llama\.cpp .* b4719-d2fe216f has known security holes: b11393 /)],
    ],
    ["something that tells no version", { entry: { owned_by: "vllm" } }, []],
  ])("is adopted, and not refused, when it is %s", async (_title, quirks, expected) => {
    await using test = await testHost(NO_DOCKER);
    await using server = await fakeServer(quirks);
    const wanted = settings({ engine: "openai", url: server.origin, context: 32_768 });
    const { endpoint } = await up(test.context, wanted, { dryRun: false, anew: false });
    expect(endpoint?.warnings.filter((each) => each.includes("holes"))).toEqual(expected);
  });

  it.each<readonly [string, Quirks, Readonly<Record<string, unknown>>, object]>([
    ["several models", { models: ["a", "b"] }, {}, { code: "USAGE", detail: ["a", "b"] }],
    ["no such model", {}, { model: "x" }, { code: "MODEL_UNAVAILABLE" }],
    ["no list and no name", { list: "page" }, {}, { code: "USAGE" }],
    ["a key that is missing", { key: "secret" }, {}, { code: "USAGE" }],
    [
      "a key that is missing where the list is public",
      { key: "secret", listIsPublic: true },
      {},
      {
        code: "USAGE",
        why: "HTTP 401: Incorrect API key",
        next: expect.stringMatching(/^stack up openai --url \S+ --timeout 10 --key-file FILE$/),
      },
    ],
    ["a setting of another engine", {}, { engine: "embedded" }, { code: "USAGE" }],
    ["a promise it can't keep", {}, { requireIsolated: true }, { code: "NETWORK_LEAK" }],
  ])("refuses %s", async (_title, quirks, values, expected) => {
    await using test = await testHost(NO_DOCKER);
    await using server = await fakeServer(quirks);
    const wanted = settings({ engine: "openai", url: server.origin, ...values });
    await expect(up(test.context, wanted, { dryRun: false, anew: false })).rejects.toMatchObject(
      expected,
    );
  });
});
