import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../testing/gateway-rig.ts";
import { type HostServer, hostServer } from "../testing/host-server.ts";
import { requireDocker } from "../testing/require-docker.ts";
import { lastJson, type StackCommand, stackCommand } from "../testing/stack-command.ts";
import { starterModel } from "../testing/starter-model.ts";

const run = promisify(execFile);
const KEY = "sk-of-somebody-else";

const docker = await requireDocker();

/** What `status` prints, and that the server was asked nothing that ends it. */
async function leavesRunning(cli: StackCommand, server: HostServer): Promise<void> {
  const down = await cli.run("down", "--json");
  expect(lastJson(down)).toMatchObject({ leftRunning: `${server.origin}/v1` });
  expect(await server.runs()).toBe(true);
}

describe.skipIf(docker === undefined)("a real llama-server of somebody else", () => {
  let cli: StackCommand;
  let server: HostServer;
  let keyFile: string;

  beforeAll(async () => {
    cli = await stackCommand();
    keyFile = join(cli.home, "key");
    await writeFile(keyFile, KEY, { mode: 0o600 });
    const model = await starterModel();
    const port = await freePort();
    server = await hostServer({
      image: "stack/llamacpp:0.7.0",
      port,
      path: "/health",
      volumes: [`${model}:/m.gguf:ro`],
      command:
        `--host 127.0.0.1 --port ${port} --api-key ${KEY} --model /m.gguf --alias small --ctx-size 2048 --threads 1 --parallel 1 --jinja`.split(
          " ",
        ),
    });
  });
  afterEach(async () => {
    await cli.run("down");
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await cli[Symbol.asyncDispose]();
  });

  it("is adopted to the top of the gate, found again, and left running", async () => {
    const args = ["--url", `${server.origin}/v1`, "--key-file", keyFile, "--ready", "agent"];
    const result = await cli.run("up", "openai", ...args, "--json");
    expect(result.exitCode).toBe(0);
    const { endpoint } = lastJson(result) as { endpoint: Record<string, unknown> };
    expect(endpoint).toMatchObject({
      model: "small",
      contextWindow: 2048,
      measured: {
        software: "llamacpp",
        engineVersion: expect.stringMatching(/^b\d+/),
        context: { proof: "full", truncates: false },
        tokensPerSecond: expect.any(Number),
      },
    });
    const status = await cli.run("status");
    expect(status.stdout).toMatch(/^engine +openai \(llamacpp b\d+\S*\)$/m);
    expect(status.stdout).toMatch(/^context +2048 tokens, proved; a longer prompt is refused$/m);
    await leavesRunning(cli, server);
  });

  it("refuses a wrong key in its own words", async () => {
    const wrong = join(cli.home, "wrong");
    await writeFile(wrong, "sk-wrong", { mode: 0o600 });
    const args = ["--url", `${server.origin}/v1`, "--key-file", wrong, "--json"];
    const result = await cli.run("up", "openai", ...args);
    expect(result.exitCode).toBe(2);
    expect(lastJson(result)).toMatchObject({
      what: expect.stringContaining("refuses the key (HTTP 401: Invalid API Key)"),
      next: expect.stringContaining("--key-file FILE"),
    });
  });
});

describe.skipIf(docker === undefined)("a real Ollama that runs on this machine already", () => {
  let cli: StackCommand;
  let server: HostServer;

  beforeAll(async () => {
    const port = await freePort();
    cli = await stackCommand({ OLLAMA_HOST: `127.0.0.1:${port}` });
    server = await hostServer({
      image: "stack/ollama:0.17.4",
      port,
      path: "/api/version",
      volumes: [`${dirname(await starterModel())}:/weights:ro`],
      env: { OLLAMA_HOST: `127.0.0.1:${port}`, OLLAMA_MODELS: "/tmp/models" },
    });
    const blob = (await starterModel()).split("/").at(-1) ?? "";
    const make = `echo 'FROM /weights/${blob}' > /tmp/Modelfile && ollama create small -f /tmp/Modelfile`;
    await run("docker", ["exec", server.container, "sh", "-c", make]);
  });
  afterEach(async () => {
    await cli.run("down");
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await cli[Symbol.asyncDispose]();
  });

  it("is adopted where OLLAMA_HOST says, warned of, and left running with its model", async () => {
    const result = await cli.run("up", "ollama", "--adopt", "--json");
    expect(result.exitCode).toBe(0);
    const { endpoint } = lastJson(result) as { endpoint: { warnings: string[] } };
    expect(endpoint).toMatchObject({
      apiBase: `${server.origin}/v1`,
      model: "small:latest",
      adopted: true,
      measured: { engineVersion: "0.17.4", context: { proof: "told", truncates: true } },
    });
    const warnings = endpoint.warnings.join("\n");
    expect(warnings).toMatch(/^Ollama 0\.17\.4 has known security holes/m);
    expect(warnings).toContain("asks for no key");
    expect(warnings).toMatch(/serves \d+ tokens of context where 32768 were asked for/);
    const again = await cli.run("up", "ollama", "--adopt", "--json");
    expect(lastJson(again)).toMatchObject({ changed: false });
    expect((await cli.run("status")).stdout).toMatch(/^engine +ollama 0\.17\.4$/m);
    await leavesRunning(cli, server);
    const loaded = await (await fetch(`${server.origin}/api/ps`)).text();
    expect(loaded).toContain("small:latest");
  });

  it("is not refused below the security floor: it is not ours to stop", async () => {
    const args = ["up", "ollama", "--adopt", "--no-allow-vulnerable", "--json"];
    expect((await cli.run(...args)).exitCode).toBe(0);
  });

  it("names the command that fetches a model which it has not", async () => {
    const result = await cli.run("up", "ollama", "--adopt", "--model", "qwen3:8b", "--json");
    expect(result.exitCode).toBe(6);
    expect(lastJson(result)).toMatchObject({
      code: "MODEL_UNAVAILABLE",
      next: "ollama pull qwen3:8b",
    });
  });
});
