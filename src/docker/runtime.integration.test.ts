import { describe, expect, it } from "vitest";
import { StackError } from "../errors.ts";
import type { Host } from "../host/host.ts";
import { CONTAINER_SPEC as spec } from "../testing/container-spec.ts";
import { fakeDocker, type FakeDocker, type FakeDockerOptions } from "../testing/fake-docker.ts";
import { frame, json } from "../testing/fake-docker-state.ts";
import { testHost } from "../testing/test-host.ts";
import { connect } from "./connect.ts";
import { containers } from "./containers.ts";
import type { Runtime } from "./runtime.ts";
import type { Wire, WireRequest } from "./wire.ts";

const never = new AbortController().signal;

/** A fake daemon with the image, and a runtime that is connected to it. */
async function connected(
  options?: FakeDockerOptions,
): Promise<AsyncDisposable & { docker: FakeDocker; runtime: Runtime; host: Host }> {
  const docker = await fakeDocker(options);
  docker.images.set("engine:1", "sha256:1");
  const rig = await testHost({ env: { DOCKER_HOST: docker.host } });
  const runtime = await connect(rig.host, { signal: never });
  return {
    docker,
    runtime,
    host: rig.host,
    async [Symbol.asyncDispose]() {
      await docker[Symbol.asyncDispose]();
      await rig[Symbol.asyncDispose]();
    },
  };
}

/** The error that a promise rejects with, as code and text. */
async function failure(promise: Promise<unknown>): Promise<{ code: string; text: string }> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof StackError)) throw new Error(`not a StackError: ${String(error)}`);
  return { code: error.code, text: [error.message, error.next, ...error.detail].join("\n") };
}

describe("the API version", () => {
  it.each([
    ["1.41", "/v1.41/"],
    ["1.51", "/v1.51/"],
    ["1.60", "/v1.51/"],
  ])("a daemon of %s is spoken to as %s", async (apiVersion) => {
    await using rig = await connected({ apiVersion });
    await rig.runtime.containers.list({});
    expect(rig.docker.requests.map(({ path }) => path)).toEqual(["/_ping", "/containers/json"]);
  });
});

describe("facts", () => {
  it.each([
    [{ version: "28.5.2" }, { product: "docker", isolatedNetworks: true, gatewayModes: true }],
    [{ version: "29.0.0-rc.1" }, { product: "docker", gatewayModes: true }],
    [{ version: "20.10.24" }, { isolatedNetworks: true, gatewayModes: false }],
    [
      { version: "30.1.0", podman: true },
      { product: "podman", isolatedNetworks: false, gatewayModes: false },
    ],
  ])("%o", async (options, expected) => {
    await using rig = await connected(options);
    expect(await rig.runtime.facts()).toMatchObject({ ...expected, local: true, cpus: 4 });
  });
});

describe("containers", () => {
  it("are joined to all their networks, at once or one by one", async () => {
    for (const apiVersion of ["1.41", "1.51"]) {
      await using rig = await connected({ apiVersion });
      await rig.runtime.containers.create(spec);
      expect([...(rig.docker.containers.get(spec.name)?.networks ?? [])]).toEqual([
        "sealed",
        "outer",
      ]);
    }
  });

  it("that cannot be connected are removed again", async () => {
    await using rig = await connected({ apiVersion: "1.41" });
    rig.docker.fault("POST /networks/outer/connect", (_, response) =>
      json(response, 404, { message: "network outer not found" }),
    );
    const { text } = await failure(rig.runtime.containers.create(spec));
    expect(text).toContain("network outer not found");
    expect(rig.docker.containers.size).toBe(0);
  });

  it("have their volumes labelled, so that these are found again", async () => {
    await using rig = await connected();
    const labels = { "stack.name": "test" };
    const mount = { kind: "volume", source: "config", target: "/c", readOnly: false } as const;
    await rig.runtime.containers.create({ ...spec, mounts: [{ ...mount, labels }] });
    expect(await rig.runtime.volumes.list(labels)).toEqual(["config"]);
  });

  it("need their image", async () => {
    await using rig = await connected();
    const error = await failure(rig.runtime.containers.create({ ...spec, image: "other:1" }));
    expect(error.code).toBe("IMAGE_UNAVAILABLE");
    expect(error.text).toContain("stack image build");
  });

  it("do not take a name that is taken", async () => {
    await using rig = await connected();
    await rig.runtime.containers.create(spec);
    expect((await failure(rig.runtime.containers.create(spec))).code).toBe("CONFLICT");
  });

  it.each([
    "driver failed programming external connectivity: Bind for 127.0.0.1:4000 failed: port is already allocated",
    "failed to bind host port for 127.0.0.1:4000:172.18.0.2:8080/tcp: address already in use",
    "rootlessport listen tcp 127.0.0.1:4000: bind: address already in use",
  ])("say which port is busy: %s", async (message) => {
    await using rig = await connected();
    const id = await rig.runtime.containers.create(spec);
    rig.docker.fault("POST /containers", (_, response) => json(response, 500, { message }));
    expect((await failure(rig.runtime.containers.start(id))).code).toBe("PORT_BUSY");
  });

  it("are listed by label, with how they ended", async () => {
    await using rig = await connected();
    const id = await rig.runtime.containers.create(spec);
    await rig.runtime.containers.start(id);
    rig.docker.exit(spec.name, 137, true);
    expect(await rig.runtime.containers.list({ "stack.name": "test" })).toMatchObject([
      { name: spec.name, state: "exited", exitCode: 137, oomKilled: true, ports: spec.ports },
    ]);
    expect(await rig.runtime.containers.list({ "stack.name": "other" })).toEqual([]);
  });

  it("are waited for until they end", async () => {
    await using rig = await connected();
    const id = await rig.runtime.containers.create(spec);
    await rig.runtime.containers.start(id);
    const ended = rig.runtime.containers.waitExit(id, never);
    await arrival(rig.docker, "/wait");
    rig.docker.exit(spec.name, 1);
    expect(await ended).toEqual({ exitCode: 1, oomKilled: false });
  });

  it("that are waited for let go when the signal aborts", async () => {
    await using rig = await connected();
    const id = await rig.runtime.containers.create(spec);
    await rig.runtime.containers.start(id);
    const abort = new AbortController();
    const ended = rig.runtime.containers.waitExit(id, abort.signal);
    await arrival(rig.docker, "/wait");
    abort.abort(new Error("enough"));
    await expect(ended).rejects.toThrow("enough");
  });

  it("may be removed twice", async () => {
    await using rig = await connected();
    const { containers } = rig.runtime;
    const id = await containers.create(spec);
    await containers.start(id);
    for (const _ of [1, 2]) await containers.remove(id);
    expect(await containers.inspect(id)).toBeUndefined();
  });

  it("take files as an archive", async () => {
    await using rig = await connected();
    const id = await rig.runtime.containers.create(spec);
    const file = { path: "a.cfg", content: "höhe\n", mode: 0o400, uid: 7, gid: 8 };
    await rig.runtime.containers.putFiles(id, "/config", [file]);
    const [sent] = rig.docker.containers.get(spec.name)?.archives ?? [];
    expect(sent?.path).toBe("/config");
    expect(sent?.tar.subarray(0, 5).toString()).toBe("a.cfg");
    expect(sent?.tar.subarray(512, 512 + 6).toString()).toBe("höhe\n");
  });

  it("show both streams of their log, and the end of it", async () => {
    await using rig = await connected();
    const id = await rig.runtime.containers.create(spec);
    rig.docker.log(spec.name, 1, "one\ntwo\n");
    rig.docker.log(spec.name, 2, "err");
    expect(await rig.runtime.containers.tail(id, 2)).toEqual(["two", "err"]);
  });

  it("show the log of their latest start alone, where that is asked for", async () => {
    await using rig = await connected();
    const id = await rig.runtime.containers.create(spec);
    await rig.runtime.containers.start(id);
    rig.docker.exit(spec.name, 0);
    const startedAt = "2026-11-25T00:00:00.500Z";
    await rig.runtime.containers.tail(id, 2, { startedAt });
    await rig.runtime.containers.follow(id, {
      tail: 2,
      startedAt,
      signal: never,
      onLine: () => {},
    });
    await rig.runtime.containers.tail(id, 2);
    const asked = rig.docker.requests.filter(({ path }) => path.endsWith("/logs"));
    // A second before, as the times of a log are not quite those of the daemon.
    const since = `${Date.parse("2026-11-24T23:59:59.500Z") / 1000}`;
    expect(asked.map(({ query }) => query.get("since"))).toEqual([since, since, null]);
  });

  it("are followed until they end", async () => {
    await using rig = await connected();
    const id = await rig.runtime.containers.create(spec);
    await rig.runtime.containers.start(id);
    rig.docker.log(spec.name, 1, "line\n");
    const lines: string[] = [];
    const onLine = (line: string): void => {
      lines.push(line);
      rig.docker.exit(spec.name, 0);
    };
    await rig.runtime.containers.follow(id, { tail: 5, signal: never, onLine });
    expect(lines).toEqual(["line"]);
  });

  it("run programs", async () => {
    await using rig = await connected();
    const id = await rig.runtime.containers.create(spec);
    expect(await rig.runtime.containers.exec(id, ["true"])).toEqual({
      exitCode: 3,
      output: "out\nerr",
    });
  });
});

describe("a daemon that misbehaves", () => {
  it("cuts the connection in the middle of an answer", async () => {
    await using rig = await connected();
    rig.docker.fault("GET /containers/json", (_, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("[");
      setImmediate(() => response.destroy());
    });
    const error = await failure(rig.runtime.containers.list({}));
    expect(error.code).toBe("DOCKER_UNREACHABLE");
  });

  it("answers something else", async () => {
    await using rig = await connected();
    rig.docker.fault("GET /containers/json", (_, response) => response.end("<html>"));
    expect((await failure(rig.runtime.containers.list({}))).code).toBe("DOCKER_FAILED");
  });

  it("cuts the log", async () => {
    await using rig = await connected();
    const id = await rig.runtime.containers.create(spec);
    rig.docker.fault(`GET /containers/${id}/logs`, (_, response) => {
      response.write(frame(1, "only\n"));
      setImmediate(() => response.destroy());
    });
    expect((await failure(rig.runtime.containers.tail(id, 5))).code).toBe("DOCKER_UNREACHABLE");
  });
});

describe("networks and volumes", () => {
  it("come, are found by label, and go", async () => {
    await using rig = await connected();
    const { networks, volumes } = rig.runtime;
    const labels = { "stack.name": "test" };
    const id = await networks.create({ name: "sealed", labels, internal: true, options: {} });
    expect(await networks.list(labels)).toMatchObject([{ id, internal: true, gateways: [] }]);
    rig.docker.volumes.set("config", labels);
    expect(await volumes.list(labels)).toEqual(["config"]);
    for (const _ of [1, 2]) await networks.remove(id);
    for (const _ of [1, 2]) await volumes.remove("config");
    expect(rig.docker.networks.size + rig.docker.volumes.size).toBe(0);
  });

  it("a network's name that is taken is a conflict", async () => {
    await using rig = await connected();
    const network = { name: "sealed", labels: {}, internal: true, options: {} };
    await rig.runtime.networks.create(network);
    expect((await failure(rig.runtime.networks.create(network))).code).toBe("CONFLICT");
  });
});

/** Resolves once a request whose path ends so has arrived. */
async function arrival(docker: FakeDocker, end: string): Promise<void> {
  while (!docker.requests.some(({ path }) => path.endsWith(end))) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

it("a start has all the time that its signal leaves: a GPU's driver wakes in it", async () => {
  const asked: WireRequest[] = [];
  const wire: Wire = async (request) => {
    asked.push(request);
    throw new Error("enough");
  };
  const asking = containers(wire, true);
  await failure(asking.start("c", never));
  await failure(asking.start("c"));
  expect(asked.map(({ deadlineMs }) => deadlineMs)).toEqual([undefined, expect.any(Number)]);
});
