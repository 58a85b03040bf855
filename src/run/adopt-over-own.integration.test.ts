import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { connect } from "../docker/connect.ts";
import type { StackEvent } from "../events.ts";
import { resolveSettings } from "../plan/resolve-settings.ts";
import type { ResolvedSettings } from "../plan/settings.ts";
import { CONTAINER_SPEC } from "../testing/container-spec.ts";
import { type FakeDocker, fakeDocker } from "../testing/fake-docker.ts";
import { json } from "../testing/fake-docker-state.ts";
import { fakeLmstudio } from "../testing/fake-lmstudio.ts";
import { fakeServer, type Quirks } from "../testing/fake-server.ts";
import { OWN_ENDPOINT, type OwnStack, runsEmbedded } from "../testing/own-stack.ts";
import { testHost, type TestHost } from "../testing/test-host.ts";
import { readKept, writeKept } from "./kept-settings.ts";
import {
  readAdoption,
  readEndpoint,
  readEngineProcess,
  stackFolder,
  writeAdoption,
  writeEndpoint,
} from "./stack-folder.ts";
import { status } from "./status.ts";
import { up } from "./up.ts";

const NO_CHATS: Quirks = { fails: { above: 0, status: 400, message: "no chats here" } };
const ONCE = { dryRun: false, anew: false };

function settings(engine: string, url: string): ResolvedSettings {
  const values = { engine, url, timeout: 10 };
  const layer = Object.entries(values).map(([key, value]) => {
    const flag = `--${key}`;
    return { key, value, isText: false, origin: { kind: "flag", flag }, where: flag } as const;
  });
  return resolveSettings([layer]);
}

const stacks = new Set<OwnStack>();
afterEach(() => {
  for (const each of stacks) each[Symbol.dispose]();
  stacks.clear();
});

/** Its process. */
async function embedded({ host }: TestHost): Promise<ChildProcess> {
  const own = await runsEmbedded(host);
  stacks.add(own);
  return own.child;
}

/** As `up ollama` leaves it. */
async function runsInContainers(test: TestHost, docker: FakeDocker): Promise<void> {
  const folder = stackFolder(test.host, "default");
  const runtime = await connect(test.host, { signal: test.context.signal });
  docker.images.set("engine:1", "sha256:1");
  const labels = { "stack.name": "default" };
  for (const name of ["stack-default-engine", "stack-default-gateway"]) {
    await runtime.containers.create({ ...CONTAINER_SPEC, name, labels });
  }
  await writeEndpoint(folder, { ...OWN_ENDPOINT, engine: "ollama" });
  await writeKept(folder, { engine: "ollama", adopted: false, given: [] });
}

/** As the daemon does it for a request to this path. */
function remove({ containers }: FakeDocker, path: string): void {
  const id = path.split("/")[2];
  for (const [name, each] of containers) if (each.id === id) containers.delete(name);
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean =>
  exitCode !== null || signalCode !== null;

describe("a server that is adopted where the embedded engine runs", () => {
  const NO_DOCKER = { env: { DOCKER_HOST: "unix:///nowhere/docker.sock" } };

  it("takes its place once it has answered", async () => {
    await using test = await testHost(NO_DOCKER);
    const child = await embedded(test);
    await using server = await fakeServer();
    const result = await up(test.context, settings("openai", server.origin), ONCE);
    expect(result.steps.map(({ id }) => id)).toEqual(["gate", "clear"]);
    if (!hasEnded(child)) await once(child, "exit");
    const folder = stackFolder(test.host, "default");
    expect(await readEndpoint(folder)).toMatchObject({ adopted: true, engine: "openai" });
    expect(await readEngineProcess(folder)).toBeUndefined();
    expect(await readKept(folder)).toMatchObject({ engine: "openai" });
    expect(await up(test.context, settings("openai", server.origin), ONCE)).toMatchObject({
      changed: false,
    });
  });

  it("leaves it as it is when it can't answer, and says how to look at it", async () => {
    await using test = await testHost(NO_DOCKER);
    const child = await embedded(test);
    await using server = await fakeServer(NO_CHATS);
    const folder = stackFolder(test.host, "default");
    let meant: unknown;
    const watching = {
      ...test.context,
      emit: (event: StackEvent) => {
        if (event.type !== "step-started") return;
        meant = JSON.parse(readFileSync(join(folder.path, "settings.json"), "utf8"));
      },
    };
    await expect(up(watching, settings("openai", server.origin), ONCE)).rejects.toMatchObject({
      code: "NOT_READY",
      next: `curl ${server.origin}/v1/models`,
    });
    // Whoever is killed while it asks has changed nothing, not even what is meant.
    expect(meant).toMatchObject({ engine: "embedded" });
    expect(hasEnded(child)).toBe(false);
    expect(await readEndpoint(folder)).toEqual(OWN_ENDPOINT);
    expect(await readEngineProcess(folder)).toBeDefined();
    expect(await readKept(folder)).toMatchObject({ engine: "embedded" });
  });

  it("is not that engine itself, which would go", async () => {
    await using test = await testHost(NO_DOCKER);
    const child = await embedded(test);
    await using server = await fakeServer();
    const own = { ...OWN_ENDPOINT, apiBase: `${server.origin}/v1` };
    await writeEndpoint(stackFolder(test.host, "default"), own);
    const itself = server.origin.replace("127.0.0.1", "localhost");
    await expect(up(test.context, settings("openai", itself), ONCE)).rejects.toMatchObject({
      code: "CONFLICT",
      next: expect.stringMatching(/^stack up openai --name \S+ --url /),
    });
    expect(hasEnded(child)).toBe(false);
  });

  it("has it stopped before LM Studio loads a model: what it holds would be missing there", async () => {
    await using test = await testHost(NO_DOCKER);
    const child = await embedded(test);
    await using app = await fakeLmstudio({ models: [{ key: "m", maximum: 131_072 }] });
    const result = await up(test.context, settings("lmstudio", app.origin), ONCE);
    expect(result.steps.map(({ id }) => id)).toEqual(["clear", "load", "gate"]);
    if (!hasEnded(child)) await once(child, "exit");
    expect(await readEndpoint(stackFolder(test.host, "default"))).toMatchObject({ adopted: true });
  });
});

describe("a server that is adopted where containers run", () => {
  it("takes their place once it has answered, with an endpoint at any time", async () => {
    await using docker = await fakeDocker();
    await using test = await testHost({ env: { DOCKER_HOST: docker.host } });
    await runsInContainers(test, docker);
    await using server = await fakeServer();
    await up(test.context, settings("openai", server.origin), ONCE);
    expect([...docker.containers]).toEqual([]);
    const folder = stackFolder(test.host, "default");
    expect(await readEndpoint(folder)).toMatchObject({ adopted: true });
    expect(await readKept(folder)).toMatchObject({ engine: "openai" });
    // From then on nothing is asked of a daemon.
    const asked = docker.requests.length;
    await up(test.context, settings("openai", server.origin), ONCE);
    expect(docker.requests.length).toBe(asked);
  });

  it("leaves them as they are when it can't answer", async () => {
    await using docker = await fakeDocker();
    await using test = await testHost({ env: { DOCKER_HOST: docker.host } });
    await runsInContainers(test, docker);
    await using server = await fakeServer(NO_CHATS);
    const wanted = settings("openai", server.origin);
    await expect(up(test.context, wanted, ONCE)).rejects.toMatchObject({ code: "NOT_READY" });
    expect(docker.containers.size).toBe(2);
    expect(await readEndpoint(stackFolder(test.host, "default"))).toMatchObject({
      engine: "ollama",
    });
  });

  it("leaves them known when they can't be removed", async () => {
    await using docker = await fakeDocker();
    await using test = await testHost({ env: { DOCKER_HOST: docker.host } });
    await runsInContainers(test, docker);
    docker.fault("DELETE /containers/", (_, response) => {
      json(response, 500, { message: "broken" });
    });
    await using server = await fakeServer();
    const wanted = settings("openai", server.origin);
    await expect(up(test.context, wanted, ONCE)).rejects.toMatchObject({ code: "DOCKER_FAILED" });
    const folder = stackFolder(test.host, "default");
    expect(await readEndpoint(folder)).toEqual({ ...OWN_ENDPOINT, engine: "ollama" });
    expect(await readAdoption(folder)).toBeUndefined();
    expect(await readKept(folder)).toMatchObject({ engine: "ollama" });
  });

  it("is refused before anything is asked of it where the daemon does not answer", async () => {
    await using docker = await fakeDocker();
    await using test = await testHost({ env: { DOCKER_HOST: docker.host } });
    await runsInContainers(test, docker);
    Object.assign(test.host.env, { DOCKER_HOST: "unix:///nowhere/docker.sock" });
    await using server = await fakeServer();
    const wanted = settings("openai", server.origin);
    await expect(up(test.context, wanted, ONCE)).rejects.toMatchObject({
      code: "DOCKER_UNREACHABLE",
    });
    expect(server.seen.filter((each) => each.startsWith("chat"))).toEqual([]);
  });

  it("is whole from the moment that they go, and up removes those that a kill has left", async () => {
    await using docker = await fakeDocker();
    await using test = await testHost({ env: { DOCKER_HOST: docker.host } });
    await runsInContainers(test, docker);
    await using server = await fakeServer();
    const wanted = settings("openai", server.origin);
    const folder = stackFolder(test.host, "default");
    // Of an adoption before that, and of no use to this one.
    await writeAdoption(folder, { plan: "old", adoptedAt: "2026-11-25T00:00:00.000Z" });
    // What a command leaves that is killed as soon as the first container is to go.
    const look = () => Promise.all([readEndpoint(folder), readAdoption(folder)]);
    let left: ReturnType<typeof look> | undefined;
    docker.fault("DELETE /containers/", (_, response) => {
      left ??= look();
      void left.then(() => json(response, 500, { message: "broken" }));
    });
    await expect(up(test.context, wanted, ONCE)).rejects.toMatchObject({ code: "DOCKER_FAILED" });
    const [endpoint, adoption] = (await left) ?? [];
    expect(endpoint).toMatchObject({ adopted: true, apiBase: `${server.origin}/v1` });
    expect(adoption).toBeUndefined();
    await writeEndpoint(folder, endpoint);
    docker.fault("DELETE /containers/", (request, response) => {
      remove(docker, request.path);
      response.writeHead(204).end();
    });
    expect((await status(test.context, { name: "default" })).state).toBe("running");
    const again = await up(test.context, wanted, ONCE);
    expect(again.steps.map(({ id }) => id)).toEqual(["gate", "clear"]);
    expect([...docker.containers]).toEqual([]);
    expect(await up(test.context, wanted, ONCE)).toMatchObject({ changed: false });
  });

  it("is whole also when Ctrl-C comes while they go", async () => {
    await using docker = await fakeDocker();
    await using test = await testHost({ env: { DOCKER_HOST: docker.host } });
    await runsInContainers(test, docker);
    docker.fault("DELETE /containers/", (request, response) => {
      remove(docker, request.path);
      if (docker.containers.size === 0) test.abort.abort(new Error("interrupted"));
      response.writeHead(204).end();
    });
    await using server = await fakeServer();
    const wanted = settings("openai", server.origin);
    await up(test.context, wanted, ONCE);
    const folder = stackFolder(test.host, "default");
    expect(await readEndpoint(folder)).toMatchObject({ adopted: true });
    expect(await readAdoption(folder)).toBeDefined();
    expect(await readKept(folder)).toMatchObject({ engine: "openai" });
  });

  it("is adopted also when something is left of them, which the next up removes", async () => {
    await using docker = await fakeDocker();
    await using test = await testHost({ env: { DOCKER_HOST: docker.host } });
    await runsInContainers(test, docker);
    docker.networks.set("stack-default", {
      id: "net-1",
      body: { Name: "stack-default", Labels: { "stack.name": "default" } },
    });
    docker.fault("DELETE /networks/", (_, response) => {
      json(response, 403, { message: "network has active endpoints" });
    });
    await using server = await fakeServer();
    const wanted = settings("openai", server.origin);
    await up(test.context, wanted, ONCE);
    const folder = stackFolder(test.host, "default");
    expect(docker.containers.size).toBe(0);
    expect(await readEndpoint(folder)).toMatchObject({ adopted: true });
    expect(await readKept(folder)).toMatchObject({ engine: "openai" });
    expect(test.events).toContainEqual({
      type: "warning",
      message: expect.stringContaining("network has active endpoints"),
      next: expect.stringMatching(/^stack up openai --url /),
    });
    docker.fault("DELETE /networks/", (_, response) => {
      docker.networks.clear();
      response.writeHead(204).end();
    });
    const again = await up(test.context, wanted, ONCE);
    expect(again.steps.map(({ id }) => id)).toEqual(["gate", "clear"]);
    expect(docker.networks.size).toBe(0);
    expect(await up(test.context, wanted, ONCE)).toMatchObject({ changed: false });
  });

  it("is told as what it is, and nothing of it as undone, when it fails once they are gone", async () => {
    await using docker = await fakeDocker();
    await using test = await testHost({ env: { DOCKER_HOST: docker.host } });
    await runsInContainers(test, docker);
    const folder = stackFolder(test.host, "default");
    const blocked = join(folder.path, "adoption.json", "x");
    docker.fault("DELETE /containers/", (request, response) => {
      remove(docker, request.path);
      void mkdir(blocked, { recursive: true }).then(() => response.writeHead(204).end());
    });
    await using server = await fakeServer();
    const wanted = settings("openai", server.origin);
    await expect(up(test.context, wanted, ONCE)).rejects.toThrow(/adoption\.json/);
    expect(docker.containers.size).toBe(0);
    expect(await readEndpoint(folder)).toMatchObject({ adopted: true, engine: "openai" });
    expect(await readKept(folder)).toMatchObject({ engine: "openai" });
    expect(test.events.filter(({ type }) => type === "step-undone")).toEqual([]);
    await rm(join(folder.path, "adoption.json"), { recursive: true });
    await up(test.context, wanted, ONCE);
    expect(await up(test.context, wanted, ONCE)).toMatchObject({ changed: false });
  });

  it.each([
    ["one is gone by the time that the other can't be removed", "engine"],
    ["the daemon breaks off, so that it is not known what is gone", undefined],
  ])("stays adopted where %s", async (_title, goes) => {
    await using docker = await fakeDocker();
    await using test = await testHost({ env: { DOCKER_HOST: docker.host } });
    await runsInContainers(test, docker);
    docker.fault("DELETE /containers/", ({ path }, response) => {
      if (goes === undefined) {
        docker.fault("GET /containers/json", (_, answer) => void answer.destroy());
        response.destroy();
      } else if (path.includes(goes)) {
        setTimeout(() => {
          remove(docker, path);
          response.writeHead(204).end();
        }, 30);
      } else json(response, 500, { message: "broken" });
    });
    await using server = await fakeServer();
    await up(test.context, settings("openai", server.origin), ONCE);
    const folder = stackFolder(test.host, "default");
    expect(await readEndpoint(folder)).toMatchObject({ adopted: true });
    expect(await readAdoption(folder)).toBeUndefined();
    expect(test.events).toContainEqual(expect.objectContaining({ type: "warning" }));
  });

  it.each([
    ["lost", (file: string) => rm(file)],
    ["unreadable", (file: string) => writeFile(file, "{")],
  ])("finds them also where their endpoint is %s", async (_title, harm) => {
    await using docker = await fakeDocker();
    await using test = await testHost({ env: { DOCKER_HOST: docker.host } });
    await runsInContainers(test, docker);
    await harm(join(stackFolder(test.host, "default").path, "endpoint.json"));
    await using server = await fakeServer();
    await up(test.context, settings("openai", server.origin), ONCE);
    expect([...docker.containers]).toEqual([]);
  });
});

it.each([
  ["nothing ran", undefined],
  ["another's Ollama was adopted", { engine: "ollama", adopted: true, given: [] }],
])("no daemon is asked where %s", async (_title, kept) => {
  await using docker = await fakeDocker();
  await using test = await testHost({ env: { DOCKER_HOST: docker.host } });
  await writeKept(stackFolder(test.host, "default"), kept);
  await using server = await fakeServer();
  await up(test.context, settings("openai", server.origin), ONCE);
  expect(docker.requests).toEqual([]);
});
