import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Endpoint } from "../endpoint.ts";
import { toolTemplate } from "../engines/tool-template.ts";
import { LABEL } from "../plan/labels.ts";
import { LARGE_IMAGES, starterSnapshot } from "../testing/large-images.ts";
import { requireDocker } from "../testing/require-docker.ts";
import {
  type CliResult,
  lastJson,
  type StackCommand,
  stackCommand,
} from "../testing/stack-command.ts";

const NAME = "e2e-sglang";
/** Small, because the gate fills it, and PyTorch alone reads 1,000 tokens a second. */
const CONTEXT = 2048;
const docker = await requireDocker();
const image = await docker?.images.inspect(LARGE_IMAGES.sglang);

// The real server; for its kernels, which package registries have for CUDA only, stands PyTorch.
describe.skipIf(docker === undefined || image === undefined)("stack up sglang", () => {
  const runtime = docker!;
  const label = { [LABEL.name]: NAME };
  let cli: StackCommand;
  let folder: string;
  let first: CliResult;
  let endpoint: Endpoint;

  const up = (...more: readonly string[]): Promise<CliResult> =>
    cli.run("up", "sglang", "--name", NAME, "--image", LARGE_IMAGES.sglang, "--json", ...more);
  const ask = (path: string, body?: object): Promise<Response> =>
    fetch(endpoint.apiBase.replace("/v1", path), {
      method: body === undefined ? "GET" : "POST",
      headers: { authorization: `Bearer ${endpoint.apiKey}`, "content-type": "application/json" },
      ...(body && { body: JSON.stringify({ model: endpoint.model, ...body }) }),
    });

  beforeAll(async () => {
    cli = await stackCommand();
    folder = join(cli.home, "smollm2:135m");
    await mkdir(folder);
    await cp(await starterSnapshot(), folder, { recursive: true });
    // Its own has no place for tools, and SGLang takes no template by its text.
    await writeFile(join(folder, "chat_template.jinja"), toolTemplate("chatml"));
    const model = ["--model", `file:${folder}`, "--context", `${CONTEXT}`];
    first = await up(...model, "--ready", "agent", "--timeout", "700");
    expect(first).toMatchObject({ exitCode: 0 });
    ({ endpoint } = lastJson(first) as { endpoint: Endpoint });
  });
  afterAll(async () => {
    await cli.run("down", "--name", NAME);
    const left = await runtime.containers.list(label);
    await cli[Symbol.asyncDispose]();
    expect(left).toEqual([]);
  });

  it("is served under a name that it takes", () => {
    expect(endpoint.model).toBe("smollm2-135m");
  });

  it("tells what its log says while it loads", () => {
    expect(first.stdout).toMatch(/"weights"/);
    expect(first.stdout).toMatch(/"context"/);
  });

  it("was proved up to the window, with tools in the prompt", () => {
    expect(endpoint).toMatchObject({
      contextWindow: CONTEXT,
      tools: true,
      measured: {
        ready: "agent",
        engineVersion: "0.5.21",
        tools: { accepted: true, rendered: true },
        context: { proof: "full", truncates: false },
      },
    });
  });

  it("answers through the gateway, as a stream too, with the key only", async () => {
    const body = { max_tokens: 8, messages: [{ role: "user", content: "Say hello." }] };
    const answer = await ask("/v1/chat/completions", body);
    expect(await answer.json()).toMatchObject({
      choices: [{ message: { content: expect.stringMatching(/\w/) } }],
    });
    const streamed = await ask("/v1/chat/completions", { ...body, stream: true });
    expect(await streamed.text()).toMatch(/^data: .*"delta".*data: \[DONE\]\s*$/s);
    expect((await fetch(`${endpoint.apiBase}/models`)).status).toBe(401);
  });

  it("refuses what leaves no room for the answer that is asked for", async () => {
    const messages = [{ role: "user", content: "word ".repeat(CONTEXT - 200) }];
    const answer = await ask("/v1/chat/completions", { max_tokens: 500, messages });
    expect(await answer.json()).toMatchObject({ error: { code: "context_length_exceeded" } });
  });

  it("refuses what leaves no room for any answer", async () => {
    const counted = await ask("/tokenize", { prompt: "word ".repeat(CONTEXT - 3) });
    const { count } = (await counted.json()) as { count: number };
    expect(count).toBeLessThan(CONTEXT);
    const prompt = "word ".repeat(CONTEXT - 3);
    const answer = await ask("/v1/completions", { prompt, max_tokens: 1 });
    expect(await answer.json()).toMatchObject({
      error: {
        code: "context_length_exceeded",
        message: expect.stringContaining("maximum allowed"),
      },
    });
  });

  it.each([
    ["in the stream, with no room for any answer", { max_tokens: 1 }, 200],
    ["by a status, with no room for the answer that is asked for", { max_tokens: 8 }, 400],
  ])("refuses %s", async (_title, more, status) => {
    const prompt = "word ".repeat(CONTEXT - 3);
    const answer = await ask("/v1/completions", { prompt, stream: true, ...more });
    expect(answer.status).toBe(status);
    expect(await answer.text()).toMatch(/"error"/);
  });

  it.each(["/generate", "/flush_cache", "/update_weights_from_disk", "/load_lora_adapter"])(
    "does not let %s through",
    async (path) => {
      expect((await ask(path, {})).status).toBe(404);
    },
  );
});
