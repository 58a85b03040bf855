import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ContainerFacts, DeviceRequest } from "../docker/runtime.ts";
import { connect } from "../docker/connect.ts";
import type { Host } from "../host/host.ts";
import { fitContext } from "../plan/fit/fit-context.ts";
import { LABEL } from "../plan/labels.ts";
import { CONTAINER_SPEC } from "../testing/container-spec.ts";
import { fakeDocker } from "../testing/fake-docker.ts";
import { json } from "../testing/fake-docker-state.ts";
import { type TestHost, testHost } from "../testing/test-host.ts";
import { heldByContainers, heldMemory, memoryOfGpus } from "./held-memory.ts";

const MIB = 2 ** 20;
const ID = "e".repeat(64);
const CARD = "GPU-c7b57be0-94ff-d352-a59b-d0ee00aeed43";

const container = (labels: Readonly<Record<string, string>>): ContainerFacts =>
  ({ id: ID, state: "running", labels }) as unknown as ContainerFacts;
const onGpu = container({ [LABEL.gpu]: "nvidia:all" });
const ALL: readonly DeviceRequest[] = [{ driver: "nvidia", ids: "all" }];

describe("free memory of the GPU that a stack runs on", () => {
  let apps: string;
  const exec: Host["exec"] = async (program, args) => {
    const stdout = args.join(" ").includes("--query-gpu")
      ? `0, ${CARD}, NVIDIA RTX A5000, 580.95.05, 23552, 2048\n`
      : apps;
    return program === "nvidia-smi"
      ? { exitCode: 0, stdout, stderr: "" }
      : { exitCode: 127, stdout: "", stderr: "" };
  };
  let rig: TestHost;
  beforeEach(async () => {
    rig = await testHost({ exec });
    const files = {
      "dev/nvidia0": "",
      "proc/41/cgroup": `0::/system.slice/docker-${ID}.scope\n`,
      "proc/42/cgroup": `12:memory:/docker/${ID}\n0::/docker/${ID}\n`,
      "proc/77/cgroup": "0::/user.slice/user-1000.slice\n",
    };
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(rig.home, path)), { recursive: true });
      await writeFile(join(rig.home, path), text);
    }
  });
  afterEach(() => rig[Symbol.asyncDispose]());
  const free = async (containers: readonly ContainerFacts[]): Promise<number> => {
    const [card] = await memoryOfGpus(rig.context, ALL, { containers }, rig.home);
    return (card?.freeBytes ?? 0) / MIB;
  };

  it.each<[string, string, readonly ContainerFacts[], number]>([
    ["nothing of the stack runs", `${CARD}, 41, 20000`, [], 2048],
    ["it runs on the processor", `${CARD}, 41, 20000`, [container({})], 2048],
    ["its processes are listed", `${CARD}, 41, 18000\n${CARD}, 42, 2000`, [onGpu], 22_048],
    ["others are, too", `${CARD}, 41, 18000\n${CARD}, 77, 2000`, [onGpu], 20_048],
    ["more is listed than there is", `${CARD}, 41, 30000`, [onGpu], 23_552],
    ["no process is listed", "", [onGpu], 23_552],
    ["the driver tells no figures", `${CARD}, 41, [N/A]`, [onGpu], 23_552],
    ["processes have gone since", `${CARD}, 99, 20000`, [onGpu], 23_552],
  ])("where %s", async (_title, listed, containers, expected) => {
    apps = listed;
    expect(await free(containers)).toBe(expected);
  });

  it("lets a stack that fills the card be replaced by itself", async () => {
    apps = `${CARD}, 41, 21000`;
    const room = (mebibytes: number) =>
      fitContext({
        settings: {
          context: 8192,
          stretch: false,
          maxOutputTokens: 4096,
          parallel: 1,
          kvType: "f16",
          overcommit: false,
        },
        engine: "vllm",
        model: "m",
        facts: {},
        weightsBytes: 18_000 * MIB,
        budget: { hostFreeBytes: 8e9, deviceFreeBytes: mebibytes * MIB },
      }).misfit?.code;
    expect(room(await free([]))).toBe("DOES_NOT_FIT");
    expect(room(await free([onGpu]))).toBeUndefined();
  });
});

describe("memory of the machine that a stack has", () => {
  it.each<[string, unknown, number]>([
    [
      "version 2 of control groups",
      { usage: 9000, stats: { anon: 500, active_anon: 600, inactive_anon: 30, file: 8000 } },
      630,
    ],
    [
      "version 1",
      {
        usage: 9000,
        stats: { active_anon: 1, inactive_anon: 1, total_active_anon: 70, total_inactive_anon: 7 },
      },
      77,
    ],
    ["a daemon that tells the sum alone", { usage: 9000 }, 9000],
    ["a container that has just ended", {}, 0],
  ])("%s", async (_title, memory_stats, expected) => {
    await using docker = await fakeDocker();
    await using rig = await testHost({ env: { DOCKER_HOST: docker.host } });
    docker.fault("GET /containers/", (_, response) => json(response, 200, { memory_stats }));
    const runtime = await connect(rig.host, { signal: rig.abort.signal });
    const held = (containers: readonly ContainerFacts[]) =>
      heldMemory(rig.context, runtime, { containers, pid: undefined });
    expect(await held([container({})])).toBe(expected);
    expect(await held([])).toBe(0);
  });

  it("of its containers, and their ports, are known by its name to what is to run without Docker", async () => {
    await using docker = await fakeDocker();
    await using rig = await testHost({ env: { DOCKER_HOST: docker.host } });
    docker.images.set("engine:1", "sha256:1");
    const { containers } = await connect(rig.host, { signal: rig.abort.signal });
    for (const [name, usage] of [
      ["mine", 9000],
      ["other", 500],
    ] as const) {
      const [port] = CONTAINER_SPEC.ports;
      const id = await containers.create({
        ...CONTAINER_SPEC,
        name,
        labels: { [LABEL.name]: name },
        ports: [{ ...port!, hostPort: 4000 + usage }],
      });
      await containers.start(id);
      docker.fault(`GET /containers/${id}/stats`, (_, response) =>
        json(response, 200, { memory_stats: { usage } }),
      );
    }
    const held = { containers: 1, ports: [13_000], bytes: 9000 };
    expect(await heldByContainers(rig.context, "mine")).toEqual(held);
    docker.fault("GET /containers/json", (_, response) => json(response, 500, { message: "no" }));
    const nothing = { containers: 0, ports: [], bytes: 0 };
    expect(await heldByContainers(rig.context, "mine")).toEqual(nothing);
    expect(rig.events).toContainEqual(expect.objectContaining({ type: "warning" }));
  });

  it("breaks nothing where the daemon refuses to tell", async () => {
    await using docker = await fakeDocker();
    await using rig = await testHost({ env: { DOCKER_HOST: docker.host } });
    docker.fault("GET /containers/", (_, response) => json(response, 500, { message: "no" }));
    const runtime = await connect(rig.host, { signal: rig.abort.signal });
    const containers = [container({})];
    expect(await heldMemory(rig.context, runtime, { containers, pid: undefined })).toBe(0);
  });
});
