import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Endpoint } from "../endpoint.ts";
import { acquireLock } from "../host/lock.ts";
import { LABEL } from "../plan/labels.ts";
import { fakeDocker, type FakeDocker } from "../testing/fake-docker.ts";
import { runningContainer } from "../testing/fake-docker-state.ts";
import { lastJson, stackCommand } from "../testing/stack-command.ts";
import { testHost, type TestHost } from "../testing/test-host.ts";
import { tinyGguf } from "../testing/tiny-gguf.ts";
import { modelUsers, refuseUsed } from "./model-users.ts";
import { ensureKey, stackFolder, writeEndpoint } from "./stack-folder.ts";

let docker: FakeDocker;
let test: TestHost;
beforeEach(async () => {
  docker = await fakeDocker();
  test = await testHost({ env: { DOCKER_HOST: docker.host } });
});
afterEach(async () => {
  await test[Symbol.asyncDispose]();
  await docker[Symbol.asyncDispose]();
});

const REFERENCE = "hf:Qwen/Qwen3-0.6B";
const users = (format: "gguf" | "safetensors" = "gguf") =>
  modelUsers(test.context, { reference: REFERENCE, format });

const endpoint = (name: string, engine: string, more: Partial<Endpoint> = {}): Endpoint => ({
  name,
  engine,
  apiBase: "http://127.0.0.1:1/v1",
  apiKey: "k",
  model: "m",
  reference: REFERENCE,
  contextWindow: 8192,
  maxOutputTokens: 2048,
  tools: true,
  warnings: [],
  ...more,
});

function addContainer(stack: string, engine: string): void {
  const name = `stack-${stack}-engine`;
  const labels = { [LABEL.name]: stack, [LABEL.engine]: engine, [LABEL.model]: REFERENCE };
  docker.containers.set(name, runningContainer(name, labels));
}

it("are those that are up with it, in the form that their engine reads", async () => {
  for (const [name, engine] of [
    ["a", "embedded"],
    ["b", "vllm"],
  ] as const) {
    await writeEndpoint(stackFolder(test.host, name), endpoint(name, engine));
  }
  const other = endpoint("c", "ollama", { adopted: true });
  await writeEndpoint(stackFolder(test.host, "c"), other);
  expect(await users()).toEqual(["a"]);
  expect(await users("safetensors")).toEqual(["b"]);
});

it("are those whose containers say so, also where their folder is lost", async () => {
  addContainer("a", "vllm");
  expect(await users("safetensors")).toEqual(["a"]);
  expect(await users()).toEqual([]);
  await expect(
    refuseUsed(test.context, [{ reference: REFERENCE, format: "safetensors" }]),
  ).rejects.toMatchObject({ code: "MODEL_IN_USE", next: "stack down --name a" });
});

it("are told of without a daemon as far as the folder knows", async () => {
  docker.fault("GET /", (_, response) => void response.writeHead(500).end());
  await writeEndpoint(stackFolder(test.host, "a"), endpoint("a", "embedded"));
  expect(await users()).toEqual(["a"]);
});

it("are those that are being brought up with it, and not what a killed command left", async () => {
  const folder = stackFolder(test.host, "a");
  await ensureKey(folder);
  const note = { engine: "vllm", reference: REFERENCE };
  const lock = await acquireLock(test.host, folder.lockFile, "stack up");
  expect(await users("safetensors")).toEqual([]);
  await lock.note(note);
  expect(await users("safetensors")).toEqual(["a"]);
  expect(await users()).toEqual([]);
  // What runs yet, with another model, is no less up.
  await writeEndpoint(folder, endpoint("a", "embedded"));
  expect(await users("safetensors")).toEqual(["a"]);
  expect(await users()).toEqual(["a"]);
  await writeEndpoint(folder, undefined);
  const held = await readFile(`${folder.lockFile}.json`);
  await lock.release();
  await writeFile(`${folder.lockFile}.json`, held);
  expect(await users("safetensors")).toEqual([]);
});

it("are not told by the note of a version that means something else by it", async () => {
  const folder = stackFolder(test.host, "a");
  await ensureKey(folder);
  const lock = await acquireLock(test.host, folder.lockFile, "stack up");
  await lock.note({ engine: ["vllm"], reference: REFERENCE });
  expect(await users("safetensors")).toEqual([]);
  await lock.release();
});

it("keep `models rm` from it, and from saying that it would", async () => {
  await using cli = await stackCommand({ DOCKER_HOST: docker.host });
  await writeFile(join(cli.home, "tiny.gguf"), tinyGguf());
  const pulled = await cli.run("models", "pull", "file:tiny.gguf", "--json");
  const { reference } = lastJson(pulled) as { reference: string };
  const stacks = join(cli.home, ".local", "state", "stack", "stacks");
  const host = { ...test.host, paths: { ...test.host.paths, state: join(stacks, "..") } };
  await writeEndpoint(stackFolder(host, "a"), endpoint("a", "embedded", { reference }));
  for (const flags of [["--dry-run"], []]) {
    const { exitCode, stderr } = await cli.run("models", "rm", "file:tiny.gguf", ...flags);
    expect(exitCode).toBe(12);
    expect(stderr).toContain("down --name a");
    expect(stderr).not.toContain("would remove");
  }
});

it("keep `models rm` from what an `up` has yet to fetch the image for, wherever it is named", async () => {
  docker.fault("POST /images/create", () => {});
  await using cli = await stackCommand({ DOCKER_HOST: docker.host });
  const file = join(cli.home, "tiny.gguf");
  await writeFile(file, tinyGguf());
  const config = join(cli.home, ".config", "stack");
  await mkdir(config, { recursive: true });
  await writeFile(join(config, "config.yaml"), `model: file:${file}\n`);
  await cli.run("models", "pull", `file:${file}`);
  const child = cli.start("up", "llamacpp", "--context", "512");
  while (!docker.requests.some(({ path }) => path === "/images/create")) {
    expect(child.exitCode).toBeNull();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const refused = await cli.run("models", "rm", `file:${file}`);
  child.kill("SIGINT");
  await child.result;
  expect(refused).toMatchObject({ exitCode: 12, stderr: expect.stringContaining("default") });
  expect(await cli.run("models", "rm", `file:${file}`)).toMatchObject({ exitCode: 0 });
});
