import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fakeLmstudio, type FakeLmstudioOptions } from "../testing/fake-lmstudio.ts";
import { lastJson, type StackCommand, stackCommand } from "../testing/stack-command.ts";
import { stubLms } from "../testing/stub-lms.ts";

const MODELS = [
  { key: "qwen3-8b", maximum: 131_072 },
  { key: "nomic-embed", type: "embeddings", maximum: 2048 },
] as const;

/** The real command against a stand-in for LM Studio, by its documentation: the app itself is not to be had here. */
describe("stack up lmstudio", () => {
  let cli: StackCommand;
  beforeEach(async () => {
    cli = await stackCommand({ DOCKER_HOST: "unix:///nowhere/docker.sock" });
  });
  afterEach(async () => {
    await cli[Symbol.asyncDispose]();
  });

  const app = (more: Partial<FakeLmstudioOptions>) => fakeLmstudio({ models: MODELS, ...more });
  const up = (from: StackCommand, origin: string, ...more: readonly string[]) =>
    from.run("up", "lmstudio", "--url", `${origin}/v1`, "--json", ...more);

  it("loads the model by its API, says what was found, and leaves it loaded", async () => {
    await using lmstudio = await app({ loadMs: 300 });
    const result = await up(cli, lmstudio.origin);
    expect(result.exitCode).toBe(0);
    expect(lastJson(result)).toMatchObject({
      endpoint: { model: "qwen3-8b", contextWindow: 32_768, tools: true },
    });
    const status = await cli.run("status");
    expect(status.stdout).toMatch(/^context +32768 tokens, says the engine/m);
    expect(status.stderr).toContain("asks for no key");
    await cli.run("down");
    expect(lmstudio.loaded()).toEqual({ "qwen3-8b": 32_768 });
  });

  it("loads it by `lms` where the app is too old for that API", async () => {
    await using lmstudio = await app({ apis: "v0" });
    lmstudio.load("qwen3-8b", 4096);
    await using lms = await stubLms(cli.home, lmstudio);
    await using old = await stackCommand({
      ...cli.env,
      PATH: `${lms.folder}:${process.env["PATH"] ?? ""}`,
    });
    const result = await up(old, lmstudio.origin, "--context", "16384");
    expect(result.exitCode).toBe(0);
    expect(lastJson(result)).toMatchObject({ endpoint: { contextWindow: 16_384 } });
    expect(lms.calls).toEqual([
      "unload qwen3-8b",
      "load qwen3-8b --context-length 16384 --identifier qwen3-8b -y",
    ]);
    expect(lmstudio.loaded()).toEqual({ "qwen3-8b": 16_384 });
  });

  it("names that command where it is not there either", async () => {
    await using lmstudio = await app({ apis: "v0" });
    const result = await up(cli, lmstudio.origin);
    expect(result.exitCode).toBe(10);
    expect(lastJson(result)).toMatchObject({
      code: "ENGINE_STOPPED",
      why: expect.stringContaining("lms is not here either"),
      next: "lms load qwen3-8b --context-length 32768 --identifier qwen3-8b -y",
    });
  });

  it("takes a version without any API of its own as it is", async () => {
    await using lmstudio = await app({ apis: "none" });
    const result = await up(cli, lmstudio.origin, "--model", "qwen3-8b");
    expect(result.exitCode).toBe(0);
    expect(lastJson(result)).toMatchObject({
      endpoint: { measured: { context: { proof: "assumed" } } },
    });
  });

  it("says how to start it when it does not answer", async () => {
    const result = await up(cli, "http://127.0.0.1:9");
    expect(result.exitCode).toBe(10);
    expect(lastJson(result)).toMatchObject({ code: "ENGINE_STOPPED", next: "lms server start" });
  });
});
