import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { LABEL } from "../plan/labels.ts";
import { type FakeDocker, fakeDocker } from "../testing/fake-docker.ts";
import { runningContainer } from "../testing/fake-docker-state.ts";
import { OWN_ENDPOINT, type OwnStack, runsEmbedded } from "../testing/own-stack.ts";
import { testHost, type TestHost } from "../testing/test-host.ts";
import { clearStack } from "./clear-stack.ts";
import { down } from "./down.ts";
import { readKept, writeKept } from "./kept-settings.ts";
import { logs } from "./logs.ts";
import { previewDown } from "./preview-down.ts";
import { ps } from "./ps.ts";
import { readEndpoint, stackFolder, writeEndpoint } from "./stack-folder.ts";
import { status } from "./status.ts";

const stacks = new Set<OwnStack>();
afterEach(() => {
  for (const each of stacks) each[Symbol.dispose]();
  stacks.clear();
});

/** A stack of the embedded engine, with a log. Its process. */
async function runs({ host }: TestHost): Promise<ChildProcess> {
  const own = await runsEmbedded(host);
  stacks.add(own);
  await writeFile(stackFolder(host, "default").logFile, "a line\n");
  return own.child;
}

const setups: readonly (readonly [string, Readonly<Record<string, string>>, boolean])[] = [
  ["DOCKER_HOST is no address", { DOCKER_HOST: "foo" }, true],
  ["Docker's configuration is half-written", { DOCKER_CONFIG: "conf" }, true],
  // What is not there may be there tomorrow: no daemon, and nothing to tell.
  ["the chosen context is half-written", { DOCKER_CONFIG: "ctx", DOCKER_CONTEXT: "mine" }, false],
];

async function brokenHost(env: Readonly<Record<string, string>>): Promise<TestHost> {
  const test = await testHost({ env });
  const config = env["DOCKER_CONFIG"];
  if (config === undefined) return test;
  const folder = join(test.home, config);
  const meta = join(folder, "contexts", "meta", "0".repeat(64));
  await mkdir(meta, { recursive: true });
  await writeFile(join(meta, "meta.json"), '{"Name":"mine","Endp');
  await writeFile(join(folder, "config.json"), config === "conf" ? '{"auths":' : "{}");
  Object.assign(test.host.env, { DOCKER_CONFIG: folder });
  return test;
}

function addContainer(docker: FakeDocker): void {
  const name = "stack-default-engine";
  const labels = { [LABEL.name]: "default", [LABEL.engine]: "ollama" };
  docker.containers.set(name, runningContainer(name, labels));
}

const warningsOf = ({ events }: TestHost): readonly unknown[] =>
  events.filter(({ type }) => type === "warning");

describe.each(setups)("where %s", (_, env, told) => {
  it("a stack without containers is listed, shown and stopped as ever", async () => {
    await using test = await brokenHost(env);
    const child = await runs(test);
    expect(await ps(test.context, { all: false })).toMatchObject([{ state: "running" }]);
    expect(await status(test.context, { name: "default" })).toMatchObject({ state: "running" });
    const lines: string[] = [];
    await logs(test.context, {
      name: "default",
      role: "engine",
      tail: 9,
      follow: false,
      onLine: (line) => lines.push(line),
    });
    expect(lines).toEqual(["a line"]);
    const ended = once(child, "exit");
    const { removed } = await down(test.context, { name: "default", purge: false });
    await ended;
    expect(removed).toEqual([`process ${child.pid}`]);
    expect(await readEndpoint(stackFolder(test.host, "default"))).toBeUndefined();
    expect(warningsOf(test)).toHaveLength(told ? 4 : 0);
  });

  it("a stack of containers is not believed to be gone", async () => {
    await using test = await brokenHost(env);
    const folder = stackFolder(test.host, "default");
    await writeEndpoint(folder, { ...OWN_ENDPOINT, engine: "ollama" });
    expect(await ps(test.context, { all: false })).toMatchObject([{ state: "unknown" }]);
    const report = await status(test.context, { name: "default" });
    expect(report).toMatchObject({ state: "unknown", seal: { kind: "unknown" }, parts: [] });
    expect(report).not.toHaveProperty("logFile");
    const message = expect.stringContaining("Of default, in containers, it is not known");
    expect(warningsOf(test)).toMatchObject([{ message }, { message }]);

    const refused = { code: told ? "USAGE" : "DOCKER_UNREACHABLE" };
    const options = { name: "default", purge: true };
    const wayOn = { ...refused, next: expect.stringMatching(/.\nstack down --forget$/) };
    await expect(down(test.context, options)).rejects.toMatchObject(wayOn);
    await expect(previewDown(test.context, options)).rejects.toMatchObject(wayOn);
    const log = { name: "default", role: "engine", tail: 9, follow: false } as const;
    const shown = logs(test.context, { ...log, onLine: () => {} });
    await expect(shown).rejects.toMatchObject(refused);
    expect(await readEndpoint(folder)).toBeDefined();
  });

  it("a stack of containers can be forgotten", async () => {
    await using test = await brokenHost(env);
    const folder = stackFolder(test.host, "default");
    await writeEndpoint(folder, { ...OWN_ENDPOINT, engine: "ollama" });
    await writeKept(folder, { engine: "ollama", adopted: false, given: [] });
    const options = { name: "default", purge: false, forget: true };
    const forgotten = { removed: ["what is known here of its containers"] };
    expect(await previewDown(test.context, options)).toEqual(forgotten);
    expect(await readEndpoint(folder)).toBeDefined();
    expect(await down(test.context, options)).toMatchObject({
      changed: true,
      forgotten: true,
      ...forgotten,
    });
    const message = expect.stringContaining("those of default that live on");
    expect(warningsOf(test)).toContainEqual(expect.objectContaining({ message }));
    expect(await ps(test.context, { all: false })).toEqual([]);
    expect(await down(test.context, options)).toMatchObject({ changed: false });
    // The name is free for one that needs no daemon.
    await clearStack(test.context, "default");
  });
});

describe("where no daemon answers", () => {
  const nowhere = { DOCKER_HOST: "unix:///nowhere/docker.sock" };
  const options = { name: "default", purge: false };

  it.each([
    ["of containers", { engine: "ollama", adopted: false }, true],
    ["of a server that is not ours", { engine: "ollama", adopted: true }, false],
    ["of a process", { engine: "embedded", adopted: false }, false],
  ])("what a killed `up` may have begun %s is forgotten, or not", async (_title, kept, stays) => {
    await using test = await testHost({ env: nowhere });
    const folder = stackFolder(test.host, "default");
    await writeKept(folder, { ...kept, given: [] });
    const ended = await down(test.context, options).catch((error: unknown) => error);
    expect(ended).toMatchObject(stays ? { code: "DOCKER_UNREACHABLE" } : { changed: false });
    expect((await readKept(folder)) !== undefined).toBe(stays);
  });

  it("nothing takes the place of a stack of containers, which may run yet", async () => {
    await using test = await testHost({ env: nowhere });
    const folder = stackFolder(test.host, "default");
    await writeEndpoint(folder, { ...OWN_ENDPOINT, engine: "ollama" });
    await expect(clearStack(test.context, "default")).rejects.toMatchObject({
      code: "DOCKER_UNREACHABLE",
      why: expect.stringContaining("another `--name`"),
      next: "stack doctor\nstack down --forget",
    });
    expect(await readEndpoint(folder)).toBeDefined();
  });

  it("the way on is told of the stack that is meant", async () => {
    await using test = await testHost({ env: nowhere });
    await writeEndpoint(stackFolder(test.host, "work"), { ...OWN_ENDPOINT, engine: "ollama" });
    await expect(clearStack(test.context, "work")).rejects.toMatchObject({
      next: "stack doctor\nstack down --name work --forget",
    });
  });

  it("nothing is told to be forgotten of a stack that has no containers", async () => {
    await using test = await testHost({ env: nowhere });
    await runs(test);
    const { removed } = await down(test.context, { ...options, forget: true });
    expect(removed).toEqual([expect.stringMatching(/^process/)]);
    expect(warningsOf(test)).toEqual([]);
  });
});

it("what lives on of a forgotten stack is seen, and can be taken down, when its daemon is back", async () => {
  await using docker = await fakeDocker();
  await using test = await testHost({ env: { DOCKER_HOST: "unix:///nowhere/docker.sock" } });
  await writeEndpoint(stackFolder(test.host, "default"), { ...OWN_ENDPOINT, engine: "ollama" });
  addContainer(docker);
  await down(test.context, { name: "default", purge: false, forget: true });
  Object.assign(test.host.env, { DOCKER_HOST: docker.host });
  const seen = await ps(test.context, { all: false });
  expect(seen).toMatchObject([{ name: "default", engine: "ollama" }]);
  const { removed } = await down(test.context, { name: "default", purge: false });
  expect(removed).toEqual(["container stack-default-engine"]);
  expect(docker.containers.size).toBe(0);
});

it("a daemon that can be asked is asked, also by who would forget", async () => {
  await using docker = await fakeDocker();
  await using test = await testHost({ env: { DOCKER_HOST: docker.host } });
  const folder = stackFolder(test.host, "default");
  await writeEndpoint(folder, { ...OWN_ENDPOINT, engine: "ollama" });
  docker.fault("GET /networks", (_, response) => {
    response.writeHead(500, { "content-type": "application/json" }).end('{"message":"broken"}');
  });
  const options = { name: "default", purge: false, forget: true };
  const refused = { code: "DOCKER_FAILED" };
  await expect(down(test.context, options)).rejects.toMatchObject(refused);
  expect(await readEndpoint(folder)).toBeDefined();
});

it.each([
  ["of containers", "ollama"],
  ["of a process, as far as is known here", "embedded"],
])("what the daemon fails to remove of a stack %s is told as that", async (_title, engine) => {
  await using docker = await fakeDocker();
  await using test = await testHost({ env: { DOCKER_HOST: docker.host } });
  const folder = stackFolder(test.host, "default");
  await writeEndpoint(folder, { ...OWN_ENDPOINT, engine });
  addContainer(docker);
  docker.fault("DELETE /containers/", (_, response) => {
    response.writeHead(500, { "content-type": "application/json" }).end('{"message":"it is busy"}');
  });
  const failed = await down(test.context, { name: "default", purge: false }).catch((e) => e);
  expect(failed).toMatchObject({
    code: "DOCKER_FAILED",
    what: expect.stringContaining("Removing container"),
    why: "it is busy",
  });
  expect(await readEndpoint(folder)).toBeDefined();
  expect(warningsOf(test)).toEqual([]);
});

it("a daemon that fails when it is asked does not keep the embedded engine from going", async () => {
  await using docker = await fakeDocker();
  docker.fault("GET /containers/json", (_, response) => {
    response.writeHead(500, { "content-type": "application/json" }).end('{"message":"broken"}');
  });
  await using test = await testHost({ env: { DOCKER_HOST: docker.host } });
  const child = await runs(test);
  const ended = once(child, "exit");
  await down(test.context, { name: "default", purge: false });
  await ended;
  expect(await readEndpoint(stackFolder(test.host, "default"))).toBeUndefined();
  expect(warningsOf(test)).toMatchObject([{ message: expect.stringContaining("Docker") }]);
});
