import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createHost } from "../host/real-host.ts";
import { type GatewayRig, gatewayRig } from "../testing/gateway-rig.ts";
import { requireDocker } from "../testing/require-docker.ts";
import { parseAddress } from "./address.ts";
import { openWire } from "./open-wire.ts";
import type { ContainerSpec, Runtime } from "./runtime.ts";

const runtime = await requireDocker();

describe.skipIf(runtime === undefined)("containers on a real daemon", () => {
  let rig: GatewayRig;
  let docker: Runtime;

  beforeAll(async () => {
    if (runtime === undefined) return;
    docker = runtime;
    rig = await gatewayRig(runtime, AbortSignal.timeout(60_000));
  });
  afterAll(async () => {
    await (rig as GatewayRig | undefined)?.[Symbol.asyncDispose]();
  });

  /** The daemon's own words, not ours. */
  async function rawInspect(id: string): Promise<string> {
    const wire = await openWire(createHost(), parseAddress(docker.address), undefined);
    const answer = await wire({ method: "GET", path: `/containers/${id}/json` });
    return (await answer.body.toArray()).join("");
  }

  it.each(["engine", "gateway"] as const)("the %s is hardened as promised", async (role) => {
    const raw = JSON.parse(await rawInspect(rig[role]));
    expect(raw.HostConfig).toMatchObject({
      Privileged: false,
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges"],
      ReadonlyRootfs: true,
      IpcMode: "private",
      PidMode: "",
      UsernsMode: "",
      PidsLimit: expect.any(Number),
      LogConfig: { Type: "json-file", Config: { "max-size": "10m", "max-file": "3" } },
    });
    expect(raw.HostConfig.CapAdd ?? []).toEqual([]);
    expect(raw.HostConfig.Devices ?? []).toEqual([]);
    expect(raw.HostConfig.ExtraHosts ?? []).toEqual([]);
    expect(raw.HostConfig.Memory).toBeGreaterThan(0);
    expect(raw.HostConfig.MemorySwap).toBe(raw.HostConfig.Memory);
    expect(raw.Config.User).toMatch(/^[1-9]\d*:[1-9]\d*$/);
    expect(JSON.stringify(raw.Mounts)).not.toContain("docker.sock");
    expect(raw.Config.Env.join("\n")).not.toMatch(/proxy/i);
  });

  it("the engine is on the sealed network alone, the gateway on loopback alone", async () => {
    const [engine, gateway] = await Promise.all(
      [rig.engine, rig.gateway].map((id) => docker.containers.inspect(id)),
    );
    expect(Object.keys(engine?.networks ?? {})).toEqual([`stack-${rig.stack}-sealed`]);
    expect(engine?.ports).toEqual([]);
    expect(gateway?.ports).toEqual([
      { hostIp: "127.0.0.1", hostPort: rig.port, containerPort: 8080 },
    ]);
  });

  it("what the kernel enforces is what was asked for", async () => {
    const script =
      "grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status; touch /here; id -u";
    const { output } = await docker.containers.exec(rig.engine, ["bash", "-c", script]);
    expect(output).toMatch(/CapEff:\s0{16}/);
    expect(output).toMatch(/CapBnd:\s0{16}/);
    expect(output).toMatch(/NoNewPrivs:\s1/);
    expect(output).toMatch(/Seccomp:\s2/);
    expect(output).toContain("Read-only file system");
    expect(output).toMatch(/^65532$/m);
  });

  it("no secret is in what the daemon tells of the gateway", async () => {
    const raw = await rawInspect(rig.gateway);
    expect(raw).not.toContain(rig.key);
    const { output } = await docker.containers.exec(rig.gateway, ["cat", "/config/haproxy.cfg"]);
    expect(output).toContain("key_ok");
    expect(output).not.toContain(rig.key);
  });

  it("a missing image, a taken name and a taken port each have their code", async () => {
    const spec = oneShot(rig, "codes", ["true"]);
    const { containers } = docker;
    await expect(containers.create({ ...spec, image: "stack-test/none:1" })).rejects.toMatchObject({
      code: "IMAGE_UNAVAILABLE",
    });
    const ports = [{ hostIp: "127.0.0.1", hostPort: rig.port, containerPort: 80 }];
    const network = `stack-${rig.stack}-outer`;
    const id = await containers.create({ ...spec, network, ports });
    await expect(containers.create(spec)).rejects.toMatchObject({ code: "CONFLICT" });
    await expect(containers.start(id)).rejects.toMatchObject({ code: "PORT_BUSY" });
    await containers.remove(id);
  });

  it("an end is noticed, with its code", async () => {
    const id = await docker.containers.create(
      oneShot(rig, "ends", ["bash", "-c", "echo last words; exit 7"]),
    );
    await docker.containers.start(id);
    const exit = await docker.containers.waitExit(id, AbortSignal.timeout(20_000));
    expect(exit).toEqual({ exitCode: 7, oomKilled: false });
    expect(await docker.containers.tail(id, 5)).toEqual(["last words"]);
    expect(await docker.containers.inspect(id)).toMatchObject({ state: "exited", exitCode: 7 });
    await docker.containers.remove(id);
  });

  it("what a container has of its own is told, and files that it reads are not among it", async () => {
    const hold =
      "$| = 1; my $a = 'x' x 100_000_000; open F, '/usr/bin/perl'; 1 while <F>; print qq(held\\n); sleep 60";
    const spec = oneShot(rig, "holds", ["perl", "-e", hold]);
    const id = await docker.containers.create({ ...spec, memoryBytes: 300 * 1024 * 1024 });
    await docker.containers.start(id);
    while ((await docker.containers.tail(id, 1))[0] !== "held") {
      expect(await docker.containers.inspect(id)).toMatchObject({ state: "running" });
    }
    const bytes = (await docker.containers.memory(id)) ?? 0;
    expect(bytes).toBeGreaterThan(100_000_000);
    // Perl holds the value a second time while it makes it, and 5 MB itself.
    expect(bytes).toBeLessThan(215_000_000);
    await docker.containers.remove(id);
    expect(await docker.containers.memory(id)).toBeUndefined();
  });

  it("a kill for lack of memory is told from others", async () => {
    const eat = "my @a; push @a, 'x' x 1_000_000 while 1";
    const spec = oneShot(rig, "eats", ["perl", "-e", eat]);
    const id = await docker.containers.create({ ...spec, memoryBytes: 32 * 1024 * 1024 });
    await docker.containers.start(id);
    const exit = await docker.containers.waitExit(id, AbortSignal.timeout(30_000));
    expect(exit).toEqual({ exitCode: 137, oomKilled: true });
    await docker.containers.remove(id);
  });

  it("a log is followed line by line, and let go", async () => {
    const abort = new AbortController();
    const seen: string[] = [];
    const id = await docker.containers.create(
      oneShot(rig, "talks", ["bash", "-c", "for i in 1 2 3; do echo $i; done; sleep 60"]),
    );
    await docker.containers.start(id);
    await docker.containers.follow(id, {
      tail: 10,
      signal: abort.signal,
      onLine(line) {
        seen.push(line);
        if (seen.length === 3) abort.abort();
      },
    });
    expect(seen).toEqual(["1", "2", "3"]);
    await docker.containers.remove(id);
  });

  it("a log's beginning is that of the latest start, however long it is", async () => {
    const talk = "echo start $RANDOM; seq 100000; sleep 2; exit 1";
    const spec = oneShot(rig, "begins", ["bash", "-c", talk]);
    const id = await docker.containers.create({ ...spec, restart: "unless-stopped" });
    const beginning = async (startedAt: string | undefined): Promise<readonly string[]> =>
      docker.containers.head(id, 3, { startedAt, signal: AbortSignal.timeout(10_000) });
    const latest = async (): Promise<string | undefined> =>
      (await docker.containers.inspect(id))?.startedAt;
    await docker.containers.start(id);
    const started = await latest();
    await expect.poll(async () => beginning(undefined)).toHaveLength(3);
    const first = await beginning(undefined);
    expect(first).toEqual([expect.stringMatching(/^start /), "1", "2"]);
    await expect.poll(latest, { timeout: 20_000 }).not.toBe(started);
    await expect.poll(async () => beginning(await latest())).toHaveLength(3);
    const second = await beginning(await latest());
    expect(second).toEqual([expect.stringMatching(/^start /), "1", "2"]);
    expect(second).not.toEqual(first);
    expect(await beginning(undefined)).toEqual(first);
    await docker.containers.remove(id);
  });

  it("images that are here and not here", async () => {
    expect(await docker.images.inspect("stack/base:trixie")).toMatchObject({
      id: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
    });
    expect(await docker.images.inspect("stack-test/none:1")).toBeUndefined();
  });

  it("a registry that is not there is an error of the pull", async () => {
    const pulling = docker.images.pull("127.0.0.1:1/none:1", {
      onProgress: () => {},
      signal: AbortSignal.timeout(60_000),
    });
    await expect(pulling).rejects.toMatchObject({ code: "IMAGE_UNAVAILABLE" });
  });

  it("a build streams its steps, and fails with its last lines", async () => {
    const lines: string[] = [];
    const build = (command: string): Promise<void> =>
      docker.images.build({
        tag: `stack-test/${rig.stack}:1`,
        context: [{ name: "Dockerfile", content: `FROM stack/base:trixie\nRUN ${command}\n` }],
        buildArgs: {},
        onLine: (line) => lines.push(line),
        signal: AbortSignal.timeout(60_000),
      });
    await expect(build("echo before; exit 3")).rejects.toMatchObject({
      code: "IMAGE_UNAVAILABLE",
      detail: expect.arrayContaining(["before"]),
    });
    expect(lines).toContain("before");
  });
});

function oneShot(rig: GatewayRig, name: string, entrypoint: readonly string[]): ContainerSpec {
  return {
    name: `stack-${rig.stack}-${name}`,
    image: "stack/base:trixie",
    labels: { "stack.name": rig.stack },
    entrypoint,
    command: [],
    env: {},
    user: "65532:65532",
    network: `stack-${rig.stack}-sealed`,
    extraNetworks: [],
    networkAliases: [],
    ports: [],
    mounts: [],
    tmpfs: {},
    memoryBytes: 64 * 1024 * 1024,
    pidsLimit: 32,
    shmBytes: undefined,
    stopSeconds: 1,
    restart: "no",
    dns: [],
    devices: [],
  };
}
