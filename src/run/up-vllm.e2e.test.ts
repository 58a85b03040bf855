import { execFile } from "node:child_process";
import { copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LABEL } from "../plan/labels.ts";
import { LARGE_IMAGES, starterSnapshot } from "../testing/large-images.ts";
import { requireDocker } from "../testing/require-docker.ts";
import {
  type CliResult,
  lastJson,
  type StackCommand,
  stackCommand,
} from "../testing/stack-command.ts";

const run = promisify(execFile);
const NAME = "e2e-vllm";
const CONTEXT = 8192;
const docker = await requireDocker();
const image = await docker?.images.inspect(LARGE_IMAGES.vllm);

interface Ready {
  readonly endpoint: { readonly apiBase: string; readonly apiKey: string; readonly model: string };
}

// 6.6 GB: the image is there only when it was asked for, `node scripts/test-images.ts vllm`.
describe.skipIf(docker === undefined || image === undefined)(
  "stack up vllm, with real safetensors",
  () => {
    const runtime = docker!;
    const label = { [LABEL.name]: NAME };
    let cli: StackCommand;
    let snapshot: string;
    let ready: Ready;

    const up = (...more: readonly string[]): Promise<CliResult> =>
      cli.run("up", "vllm", "--name", NAME, "--model", `file:${snapshot}`, "--json", ...args(more));
    const args = (more: readonly string[]): readonly string[] =>
      more.includes("--context") ? more : ["--context", `${CONTEXT}`, ...more];
    const ask = (body: object, path = "/v1/chat/completions"): Promise<Response> =>
      fetch(`${ready.endpoint.apiBase.replace("/v1", "")}${path}`, {
        method: "POST",
        headers: {
          authorization: `Bearer ${ready.endpoint.apiKey}`,
          "content-type": "application/json",
        },
        body: JSON.stringify({ model: ready.endpoint.model, ...body }),
      });
    const left = async (): Promise<object> => ({
      containers: (await runtime.containers.list(label)).map(({ name }) => name),
      networks: (await runtime.networks.list(label)).map(({ name }) => name),
      volumes: await runtime.volumes.list(label),
    });
    const nothing = { containers: [], networks: [], volumes: [] };

    beforeAll(async () => {
      snapshot = await starterSnapshot();
      cli = await stackCommand();
      const first = await up("--timeout", "700");
      expect(first).toMatchObject({ exitCode: 0 });
      ready = lastJson(first) as unknown as Ready;
    });
    afterAll(async () => {
      await cli.run("down", "--name", NAME);
      const rest = await left();
      await cli[Symbol.asyncDispose]();
      expect(rest).toEqual(nothing);
    });

    it("reserves what the window takes, and gives the model a template with tools", async () => {
      const engine = (await runtime.containers.list(label)).find(
        ({ labels }) => labels[LABEL.role] === "engine",
      );
      const { stdout } = await run("docker", ["inspect", engine?.id ?? ""]);
      const [
        {
          Config: { Cmd: command },
        },
      ] = JSON.parse(stdout) as [{ Config: { Cmd: string[] } }];
      const valueOf = (option: string): string | undefined => command[command.indexOf(option) + 1];
      // 30 layers, 3 heads of 64 numbers, keys and values, two bytes each; and two blocks to spare.
      expect(valueOf("--kv-cache-memory-bytes")).toBe(`${2 * 30 * 3 * 64 * 2 * (CONTEXT + 256)}`);
      expect(valueOf("--tool-call-parser")).toBe("hermes");
      expect(valueOf("--chat-template")).toContain("tool_call");
    });

    it("answers through the gateway, with the key only", async () => {
      const answer = await ask({
        max_tokens: 8,
        messages: [{ role: "user", content: "Say hello." }],
      });
      expect(answer.status).toBe(200);
      const { choices, usage } = (await answer.json()) as {
        choices: { message: { content: string } }[];
        usage: { completion_tokens: number };
      };
      expect(choices[0]?.message.content).toMatch(/\w/);
      expect(usage.completion_tokens).toBeGreaterThan(0);
      expect((await fetch(`${ready.endpoint.apiBase}/models`)).status).toBe(401);
    });

    it("returns a call when it must", async () => {
      const parameters = { type: "object", properties: { city: { type: "string" } } };
      const answer = await ask({
        messages: [{ role: "user", content: "How warm is it in Bern?" }],
        tools: [{ type: "function", function: { name: "get_weather", parameters } }],
        tool_choice: "required",
        max_tokens: 60,
        temperature: 0,
      });
      expect(await answer.json()).toMatchObject({
        choices: [{ message: { tool_calls: [{ function: { name: "get_weather" } }] } }],
      });
    });

    it.each([
      "/invocations",
      "/pause",
      "/update_weights",
      "/scale_elastic_ep",
      "/inference/v1/generate",
    ])("does not let %s through", async (path) => {
      expect((await ask({}, path)).status).toBe(404);
    });

    it("is proved for an agent without a new start, and `status` tells what was found", async () => {
      const proved = lastJson(await up("--ready", "agent", "--timeout", "700"));
      expect(proved).toMatchObject({ steps: [{ id: "gate" }] });
      const status = lastJson(await cli.run("status", "--name", NAME, "--json"));
      expect(status).toMatchObject({
        state: "running",
        answers: true,
        engine: "vllm",
        endpoint: {
          contextWindow: CONTEXT,
          tools: true,
          measured: {
            ready: "agent",
            engineVersion: "0.32.0",
            tools: { accepted: true, rendered: true, call: "well-formed" },
            context: { proof: "full", truncates: false },
          },
        },
      });
      const again = await up("--ready", "agent");
      expect(lastJson(again)).toMatchObject({ changed: false, steps: [] });
    });

    it("is gone after `down`", async () => {
      await cli.run("down", "--name", NAME);
      expect(await left()).toEqual(nothing);
    });

    /** A folder like the snapshot, with another configuration. */
    async function altered(change: object): Promise<string> {
      const folder = join(cli.home, "altered");
      await mkdir(folder);
      for (const file of await readdir(snapshot))
        await copyFile(join(snapshot, file), join(folder, file));
      const config: object = JSON.parse(await readFile(join(snapshot, "config.json"), "utf8"));
      await writeFile(join(folder, "config.json"), JSON.stringify({ ...config, ...change }));
      return folder;
    }

    /** Runs `up`, and measures how long after a line of the engine's log it names the failure. */
    async function failing(
      said: RegExp,
      ...more: readonly string[]
    ): Promise<{ readonly error: Record<string, unknown>; readonly afterMs: number }> {
      const child = cli.start("up", "vllm", "--name", NAME, "--json", ...args(more));
      const [line, named] = [Promise.withResolvers<number>(), Promise.withResolvers<number>()];
      const over = new AbortController();
      const onLine = (text: string): void => {
        if (said.test(text)) line.resolve(performance.now());
      };
      child.stdout?.on("data", (text: string) => {
        if (text.includes('"step-started","id":"gate"')) follow().catch(line.reject);
        if (text.includes('"step-failed"')) named.resolve(performance.now());
      });
      const follow = async (): Promise<void> => {
        const found = await runtime.containers.list(label);
        const engine = found.find(({ labels }) => labels[LABEL.role] === "engine");
        await runtime.containers.follow(engine?.id ?? "", {
          tail: 1000,
          signal: over.signal,
          onLine,
        });
      };
      const error = lastJson(await child.result);
      over.abort();
      const afterMs = (await named.promise) - (await line.promise);
      return { error, afterMs };
    }

    it("names an architecture that it does not know within 2 s", async () => {
      const folder = await altered({ model_type: "pangu_embedded" });
      const { error, afterMs } = await failing(
        /^\S*ValidationError: 1/,
        "--model",
        `file:${folder}`,
      );
      expect(error).toMatchObject({
        code: "MODEL_UNAVAILABLE",
        why: "This version of the engine does not know models of the kind pangu_embedded.",
      });
      expect(afterMs).toBeLessThan(2000);
      expect(await left()).toEqual(nothing);
    });

    it("names a cache that is too small within 2 s, with the window that would fit", async () => {
      const small = ["--model", `file:${snapshot}`, "--", "--kv-cache-memory-bytes", "10000000"];
      const { error, afterMs } = await failing(/KV cache is needed/, ...small);
      expect(error).toMatchObject({
        code: "DOES_NOT_FIT",
        exitCode: 8,
        why: "A conversation of 8192 tokens was asked for, and the KV cache holds 256.",
      });
      expect(afterMs).toBeLessThan(2000);
      expect(await left()).toEqual(nothing);
    });
  },
);
