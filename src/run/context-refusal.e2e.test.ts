import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AGENTS } from "../agents/index.ts";
import type { Endpoint } from "../endpoint.ts";
import { LABEL } from "../plan/labels.ts";
import { LARGE_IMAGES, starterSnapshot } from "../testing/large-images.ts";
import { requireDocker } from "../testing/require-docker.ts";
import { lastJson, type StackCommand, stackCommand } from "../testing/stack-command.ts";

const run = promisify(execFile);
const docker = await requireDocker();
/** As it stands in what people and programs are told. */
const CUT = /A prompt of more than \d+ tokens is cut without a word/;

/** A stack of its own by the real command, and what is asked of it. */
interface Asked {
  readonly cli: StackCommand;
  readonly endpoint: Endpoint;
  readonly post: (path: string, body: object) => Promise<Response>;
}

async function start(cli: StackCommand, name: string, ...more: readonly string[]): Promise<Asked> {
  const result = await cli.run("up", "--name", name, "--json", ...more);
  expect(result).toMatchObject({ exitCode: 0 });
  const { endpoint } = lastJson(result) as { endpoint: Endpoint };
  const post: Asked["post"] = (path, body) =>
    fetch(endpoint.apiBase.replace("/v1", path), {
      method: "POST",
      headers: { authorization: `Bearer ${endpoint.apiKey}`, "content-type": "application/json" },
      body: JSON.stringify({ model: endpoint.model, max_tokens: 1, ...body }),
    });
  return { cli, endpoint, post };
}

/** Nothing of the stack is left when the test is through. */
async function stop(cli: StackCommand, name: string): Promise<void> {
  await cli.run("down", "--name", name);
  const left = await docker?.containers.list({ [LABEL.name]: name });
  await cli[Symbol.asyncDispose]();
  expect(left).toEqual([]);
}

const words = (count: number): object => ({
  messages: [{ role: "user", content: "word ".repeat(count) }],
});

/** How each engine that refuses is started, and how its words name the window, and the prompt where they do. */
const REFUSING = [
  { engine: "llamacpp", image: undefined, says: /4\d{4} tokens.*32768 tokens/ },
  { engine: "vllm", image: LARGE_IMAGES.vllm, says: /maximum context length is 32768 tokens/ },
  { engine: "sglang", image: LARGE_IMAGES.sglang, says: /4\d{4} tokens.*\(32768 tokens\)/ },
] as const;

for (const { engine, image, says } of REFUSING) {
  const found = image === undefined ? docker : await docker?.images.inspect(image);

  describe.skipIf(found === undefined)(
    `a prompt that is longer than the window of ${engine}`,
    () => {
      const name = `e2e-refusal-${engine}`;
      let asked: Asked;
      beforeAll(async () => {
        const cli = await stackCommand();
        const flags =
          image === undefined
            ? []
            : ["--image", image, "--model", `file:${await starterSnapshot()}`];
        asked = await start(cli, name, engine, "--context", "32768", "--stretch", ...flags);
      });
      afterAll(() => stop(asked.cli, name));

      it.each<readonly [string, string, object]>([
        ["a conversation", "/v1/chat/completions", words(40_000)],
        ["one that is streamed", "/v1/chat/completions", { stream: true, ...words(40_000) }],
        ["a text", "/v1/completions", { prompt: "word ".repeat(40_000) }],
      ])("%s of 40,000 tokens is refused by OpenAI's code, at once", async (_title, path, body) => {
        const begun = performance.now();
        const answer = await asked.post(path, body);
        expect(answer.status).toBe(400);
        expect(await answer.json()).toEqual({
          type: "error",
          error: {
            message: expect.stringMatching(says),
            type: "invalid_request_error",
            param: null,
            code: "context_length_exceeded",
          },
        });
        // To read it would take minutes.
        expect(performance.now() - begun).toBeLessThan(20_000);
      });

      it("is answered in the shape and words of Anthropic's API where that was asked", async () => {
        const answer = await asked.post("/v1/messages", words(40_000));
        expect(answer.status).toBe(400);
        expect(await answer.json()).toMatchObject({
          type: "error",
          error: {
            type: "invalid_request_error",
            message: expect.stringMatching(new RegExp(`^prompt is too long: .*${says.source}`)),
          },
        });
      });

      it("is no reason for a warning", async () => {
        const { warnings } = lastJson(await asked.cli.run("status", "--name", name, "--json"));
        expect(JSON.stringify(warnings)).not.toMatch(CUT);
      });
    },
  );
}

const sglang = await docker?.images.inspect(LARGE_IMAGES.sglang);

describe.skipIf(sglang === undefined)("a pool of SGLang's that is smaller than its window", () => {
  const name = "e2e-refusal-pool";
  const stream = { stream: true };
  let asked: Asked;
  beforeAll(async () => {
    const cli = await stackCommand();
    const model = ["--image", LARGE_IMAGES.sglang, "--model", `file:${await starterSnapshot()}`];
    const pool = ["--", "--max-total-tokens", "3000"];
    asked = await start(cli, name, "sglang", ...model, "--context", "4096", ...pool);
  });
  afterAll(() => stop(asked.cli, name));

  it("is told as the window, with what makes it one", () => {
    expect(asked.endpoint.contextWindow).toBe(3000);
    expect(asked.endpoint.warnings).toContainEqual(
      expect.stringMatching(/believed to be 4096 tokens and is 3000 .*--context 3000/),
    );
  });

  it("refuses by OpenAI's code what is longer", async () => {
    const answer = await asked.post("/v1/chat/completions", words(3200));
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: { code: "context_length_exceeded" } });
  });

  it("refuses inside a stream what is longer and fits the window it was told: that is why it is warned of", async () => {
    const answer = await asked.post("/v1/chat/completions", { ...stream, ...words(3200) });
    expect(answer.status).toBe(200);
    expect(await answer.text()).toMatch(/^data: \{"error": \{.*exceeds the maximum allowed length/);
  });

  it("refuses by OpenAI's code what is streamed and longer than that", async () => {
    const answer = await asked.post("/v1/chat/completions", { ...stream, ...words(4200) });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: { code: "context_length_exceeded" } });
  });

  it("refuses inside the stream whatever is asked of Anthropic's API", async () => {
    const answer = await asked.post("/v1/messages", { ...stream, ...words(4200) });
    expect(answer.status).toBe(200);
    expect(await answer.text()).toMatch(/^event: message_start\n.*^event: error\n/ms);
  });
});

describe.skipIf(docker === undefined)("a prompt that is longer than Ollama's window", () => {
  const name = "e2e-refusal-ollama";
  /** Small, because what is cut is read up to it. */
  const window = 1024;
  let asked: Asked;
  beforeAll(async () => {
    const { stdout } = await run("node", ["scripts/test-registry.ts", "start"]);
    const { model } = JSON.parse(stdout) as { model: string };
    const cli = await stackCommand();
    const flags = ["--model", model, "--context", `${window}`, "--allow-vulnerable"];
    asked = await start(cli, name, "ollama", ...flags);
  });
  afterAll(() => stop(asked.cli, name));

  it("is cut without a word, whatever is asked of /v1: that is why all that follows is there", async () => {
    expect(asked.endpoint.contextWindow).toBe(window);
    const answer = await asked.post("/v1/chat/completions", { truncate: false, ...words(4000) });
    expect(answer.status).toBe(200);
    const { usage } = (await answer.json()) as { usage: { prompt_tokens: number } };
    expect(usage.prompt_tokens).toBeLessThanOrEqual(window);
  });

  it("is refused by Ollama's own API where the request says so, in its own words", async () => {
    const answer = await asked.post("/api/chat", { truncate: false, ...words(4000) });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toEqual({ error: expect.stringContaining("context length") });
  });

  it("is told of by `up` and `status`, in both forms", async () => {
    expect(asked.endpoint.warnings).toContainEqual(expect.stringMatching(CUT));
    expect(asked.endpoint.measured?.context.truncates).toBe(true);
    const report = lastJson(await asked.cli.run("status", "--name", name, "--json"));
    expect(report).toMatchObject({
      endpoint: { measured: { context: { truncates: true } } },
      warnings: expect.arrayContaining([expect.stringMatching(CUT)]),
    });
    expect((await asked.cli.run("status", "--name", name)).stderr).toMatch(CUT);
  });

  it.each(Object.keys(AGENTS))("is told of to whoever configures %s", async (agent) => {
    for (const command of [
      ["config", agent],
      ["env", "--agent", agent],
    ]) {
      const told = await asked.cli.run(...command, "--name", name, "--json");
      expect(lastJson(told)["warnings"]).toContainEqual(expect.stringMatching(CUT));
      expect((await asked.cli.run(...command, "--name", name)).stderr).toMatch(CUT);
    }
  });
});
