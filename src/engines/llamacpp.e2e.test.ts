import { readFile, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connect } from "../docker/connect.ts";
import type { Runtime } from "../docker/runtime.ts";
import { createHost } from "../host/real-host.ts";
import { LABEL } from "../plan/labels.ts";
import { requireDocker } from "../testing/require-docker.ts";
import {
  type CliResult,
  lastJson,
  type StackCommand,
  stackCommand,
} from "../testing/stack-command.ts";

const docker = await requireDocker();

/** Name of the stack by engine: one of each, from one store. */
const STACKS = {
  llamacpp: "e2e-llamacpp",
  ollama: "e2e-llamacpp-ollama",
  embedded: "e2e-llamacpp-embedded",
} as const;

const TOOLS = [
  {
    type: "function",
    function: {
      name: "get_weather",
      description: "The weather of a city",
      parameters: {
        type: "object",
        properties: { city: { type: "string" } },
        required: ["city"],
      },
    },
  },
];

interface Endpoint {
  readonly apiBase: string;
  readonly apiKey: string;
  readonly contextWindow: number;
  readonly tools: boolean;
}

describe.skipIf(docker === undefined)("stack up llamacpp, on a real engine", () => {
  let cli: StackCommand;
  let runtime: Runtime;
  let endpoint: Endpoint;

  const up = (engine: keyof typeof STACKS, ...more: readonly string[]): Promise<CliResult> =>
    cli.run("up", engine, "--name", STACKS[engine], "--json", ...more);
  /** The main stack: a window of the size that agents want, which this model must be stretched to. */
  const upStretched = (): Promise<CliResult> => up("llamacpp", "--context", "32768", "--stretch");
  const ask = async (path: string, body?: object): Promise<Response> =>
    fetch(endpoint.apiBase.replace("/v1", path), {
      method: body === undefined ? "GET" : "POST",
      headers: {
        authorization: `Bearer ${endpoint.apiKey}`,
        "content-type": "application/json",
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const chat = (more: object): Promise<Response> =>
    ask("/v1/chat/completions", {
      model: "smollm2:135m",
      max_tokens: 8,
      messages: [{ role: "user", content: "How warm is it in Bern?" }],
      ...more,
    });

  beforeAll(async () => {
    cli = await stackCommand();
    runtime = await connect(createHost(), { signal: AbortSignal.timeout(30_000) });
    const result = await upStretched();
    expect(result).toMatchObject({ exitCode: 0 });
    ({ endpoint } = lastJson(result) as { endpoint: Endpoint });
  });
  afterAll(async () => {
    for (const name of Object.values(STACKS)) await cli.run("down", "--name", name);
    const left = await Promise.all(
      Object.values(STACKS).map((name) => runtime.containers.list({ [LABEL.name]: name })),
    );
    await cli[Symbol.asyncDispose]();
    expect(left.flat()).toEqual([]);
  });

  it("serves the window that was asked for, past what the model was trained for, and tools", async () => {
    expect(endpoint).toMatchObject({ contextWindow: 32_768, tools: true });
    const props = (await (await ask("/props")).json()) as {
      default_generation_settings: { n_ctx: number };
    };
    expect(props.default_generation_settings.n_ctx).toBe(32_768);
    expect(lastJson(await upStretched())).toMatchObject({ changed: false });
  });

  it("tells tools to a model whose own template drops them", async () => {
    const usage = async (more: object): Promise<number> => {
      const answer = await chat(more);
      expect(answer.status).toBe(200);
      return ((await answer.json()) as { usage: { prompt_tokens: number } }).usage.prompt_tokens;
    };
    const without = await usage({});
    const withTools = await usage({ tools: TOOLS, tool_choice: "auto" });
    expect(withTools).toBeGreaterThan(without + 80);
  });

  it.each([
    ["at once", false],
    ["for a stream", true],
  ])("refuses a prompt of 40,000 tokens by OpenAI's code, %s", async (_title, stream) => {
    const content = "word ".repeat(40_000);
    const answer = await chat({ stream, messages: [{ role: "user", content }] });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toEqual({
      type: "error",
      error: {
        message: expect.stringMatching(/4\d{4} tokens.*32768 tokens/),
        type: "invalid_request_error",
        param: null,
        code: "context_length_exceeded",
      },
    });
  });

  it("leaves other refusals as they are", async () => {
    const answer = await chat({ messages: [{ role: "user" }] });
    expect(answer.status).toBe(400);
    expect(await answer.text()).not.toContain("context_length_exceeded");
  });

  it.each([
    ["/props", 405],
    ["/slots/0?action=save", 404],
    ["/lora-adapters", 404],
    ["/completion", 404],
    ["/v1/messages", 200],
    ["/tokenize", 200],
  ])("POST %s is answered %i", async (path, status) => {
    const answer = await ask(path, {
      content: "Hi",
      max_tokens: 1,
      messages: [{ role: "user", content: "Hi" }],
    });
    expect(answer.status).toBe(status);
  });

  it("is one blob and one inode for llama-server, Ollama and the embedded engine", async () => {
    for (const engine of ["ollama", "embedded"] as const) {
      expect(await up(engine)).toMatchObject({ exitCode: 0 });
    }
    const blobs = join(cli.home, ".local/share/stack/models/blobs");
    const files = await Promise.all(
      (await readdir(blobs)).map(async (name) => {
        const { size, ino } = await stat(join(blobs, name));
        return { name, size, ino };
      }),
    );
    const large = files.filter(({ size }) => size > 50_000_000);
    expect(large).toHaveLength(1);
    const [weights] = large;

    for (const engine of ["llamacpp", "ollama"] as const) {
      const labels = { [LABEL.name]: STACKS[engine], [LABEL.role]: "engine" };
      const [container] = await runtime.containers.list(labels);
      const seen = await runtime.containers.exec(container?.id ?? "", [
        "stat",
        "--format=%i",
        `/models/blobs/${weights?.name}`,
      ]);
      expect(seen).toMatchObject({
        exitCode: 0,
        output: expect.stringContaining(`${weights?.ino}`),
      });
    }
    const status = lastJson(await cli.run("status", "--name", STACKS.embedded, "--json")) as {
      parts: { what: string }[];
    };
    const pid = /\d+/.exec(status.parts[0]?.what ?? "")?.[0];
    const maps = await readFile(`/proc/${pid}/maps`, "utf8");
    const mapped = maps.split("\n").find((line) => line.endsWith(weights?.name ?? "nothing"));
    expect(mapped?.split(/\s+/)[4]).toBe(`${weights?.ino}`);
  });
});
