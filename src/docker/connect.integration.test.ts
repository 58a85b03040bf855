import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { StackError } from "../errors.ts";
import { fakeDocker } from "../testing/fake-docker.ts";
import { testHost } from "../testing/test-host.ts";
import { connect } from "./connect.ts";

const never = new AbortController().signal;

async function writeContext(configDir: string, name: string, address: string): Promise<void> {
  const folder = createHash("sha256").update(name).digest("hex");
  const meta = join(configDir, "contexts", "meta", folder);
  await mkdir(meta, { recursive: true });
  const content = { Name: name, Metadata: {}, Endpoints: { docker: { Host: address } } };
  await writeFile(join(meta, "meta.json"), JSON.stringify(content));
}

async function refusalOf(promise: Promise<unknown>): Promise<StackError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof StackError) return error;
  throw new Error(`not a StackError: ${String(error)}`);
}

describe("where the daemon is looked for", () => {
  it("DOCKER_HOST goes before everything", async () => {
    await using docker = await fakeDocker();
    await using rig = await testHost({ env: { DOCKER_HOST: docker.host, DOCKER_CONTEXT: "no" } });
    expect((await connect(rig.host, { signal: never })).address).toBe(docker.host);
  });

  it("then the context that the user chose", async () => {
    await using docker = await fakeDocker();
    await using rig = await testHost();
    const configDir = join(rig.home, ".docker");
    await writeContext(configDir, "other", "unix:///nowhere");
    await writeContext(configDir, "mine", docker.host);
    await writeFile(join(configDir, "config.json"), JSON.stringify({ currentContext: "mine" }));
    expect((await connect(rig.host, { signal: never })).address).toBe(docker.host);
  });

  it("then the usual sockets", async () => {
    await using docker = await fakeDocker();
    const folder = docker.host.slice("unix://".length, -"/docker.sock".length);
    await using rig = await testHost({ env: { XDG_RUNTIME_DIR: folder } });
    expect((await connect(rig.host, { signal: never })).address).toBe(docker.host);
  });

  it("an unknown context is named", async () => {
    await using rig = await testHost({ env: { DOCKER_CONTEXT: "gone" } });
    const error = await refusalOf(connect(rig.host, { signal: never }));
    expect(error.code).toBe("DOCKER_UNREACHABLE");
    expect(error.what).toContain('"gone"');
  });

  it("a chosen daemon that is away is not replaced by another", async () => {
    await using docker = await fakeDocker();
    const folder = docker.host.slice("unix://".length, -"/docker.sock".length);
    await using rig = await testHost({
      env: { XDG_RUNTIME_DIR: folder, DOCKER_HOST: "unix:///nowhere.sock" },
    });
    const error = await refusalOf(connect(rig.host, { signal: never }));
    expect(error.detail).toEqual(["unix:///nowhere.sock: no such file"]);
  });
});

describe("refusals are explained", () => {
  it("no such file, everywhere", async () => {
    await using rig = await testHost({ env: { XDG_RUNTIME_DIR: "/nowhere" } });
    const error = await refusalOf(connect(rig.host, { signal: never }));
    expect(error.exitCode).toBe(3);
    expect(error.detail).toContain("unix:///nowhere/podman/podman.sock: no such file");
  });

  it("nothing listens: start it", async () => {
    await using rig = await testHost();
    const folder = join(rig.home, ".docker", "desktop");
    await mkdir(folder, { recursive: true });
    const path = join(folder, "docker.sock");
    await abandonedSocket(path);
    const host = {
      ...rig.host,
      platform: "linux",
      env: { DOCKER_HOST: `unix://${path}` },
    } as const;
    const error = await refusalOf(connect(host, { signal: never }));
    expect(error.why).toContain("refused");
    expect(error.next).toBe("systemctl --user start docker-desktop");
  });

  it("something that is not a daemon", async () => {
    await using docker = await fakeDocker();
    docker.fault("GET /_ping", (_, response) => response.writeHead(418).end());
    await using rig = await testHost({ env: { DOCKER_HOST: docker.host } });
    const error = await refusalOf(connect(rig.host, { signal: never }));
    expect(error.why).toContain("HTTP 418");
  });

  it("a daemon that hangs is left when the user interrupts", async () => {
    await using docker = await fakeDocker();
    const abort = new AbortController();
    docker.fault("GET /_ping", () => abort.abort(new Error("interrupted")));
    await using rig = await testHost({ env: { DOCKER_HOST: docker.host } });
    await expect(connect(rig.host, { signal: abort.signal })).rejects.toThrow("interrupted");
  });
});

/** A socket file that a killed process has left behind. */
async function abandonedSocket(path: string): Promise<void> {
  const { rename } = await import("node:fs/promises");
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(`${path}.live`, resolve);
  });
  // Closing unlinks the path that was listened on; under another name it stays.
  await rename(`${path}.live`, path);
  await new Promise((resolve) => {
    server.close(resolve);
  });
}
