import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ContainerFacts, DeviceRequest } from "../docker/runtime.ts";
import type { Host } from "../host/host.ts";
import { fitContext } from "../plan/fit/fit-context.ts";
import { LABEL } from "../plan/labels.ts";
import { type TestHost, testHost } from "../testing/test-host.ts";
import { memoryOfGpus } from "./memory-of-gpus.ts";

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
    const { cards } = await memoryOfGpus(rig.context, ALL, containers, rig.home);
    return (cards[0]?.freeBytes ?? 0) / MIB;
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

it.each([
  // GPUs that share the machine's memory, of recorded form.
  [
    "lists a card of which no memory is told",
    0,
    `0, ${CARD}, NVIDIA GB10, 580.95.05, [N/A], [N/A]\n`,
    true,
  ],
  ["fails", 18, "Failed to initialize NVML: Driver/library version mismatch\n", false],
])("nvidia-smi that %s is not waited for", async (_title, exitCode, stdout, known) => {
  let asked = 0;
  const exec: Host["exec"] = async (program, args) => {
    if (program !== "nvidia-smi") return { exitCode: 127, stdout: "", stderr: "" };
    if (args.length > 0) asked += 1;
    return { exitCode, stdout: args.length > 0 ? stdout : "", stderr: "" };
  };
  await using rig = await testHost({ exec });
  await mkdir(join(rig.home, "dev"), { recursive: true });
  await writeFile(join(rig.home, "dev/nvidia0"), "");
  const { cards, counted } = await memoryOfGpus(rig.context, ALL, [], rig.home);
  expect(cards.map(({ freeBytes }) => freeBytes)).toEqual([undefined]);
  expect([counted, asked, rig.events]).toEqual([known, 1, []]);
});

describe("a machine whose nvidia-smi is slow", () => {
  /** It answers only who waits so many milliseconds for it. */
  async function besideSlow(needsMs: number): Promise<TestHost> {
    const exec: Host["exec"] = async (program, args, { timeoutMs = 0 } = {}) => {
      if (program !== "nvidia-smi") return { exitCode: 127, stdout: "", stderr: "" };
      if (timeoutMs < needsMs) return { exitCode: 124, stdout: "", stderr: "" };
      const stdout = args.join(" ").includes("--query-gpu")
        ? `0, ${CARD}, NVIDIA A5000, 580.95.05, 23552, 2048\n1, ${CARD}2, NVIDIA A5000, 580.95.05, 23552, 1024\n`
        : "";
      return { exitCode: 0, stdout, stderr: "" };
    };
    const rig = await testHost({ exec });
    await mkdir(join(rig.home, "dev"), { recursive: true });
    await writeFile(join(rig.home, "dev/nvidia0"), "");
    return rig;
  }
  const unknown = { freeBytes: undefined };

  it("is waited for before an engine is started by what it says, with a word", async () => {
    await using rig = await besideSlow(30_000);
    const { cards, counted } = await memoryOfGpus(rig.context, ALL, [], rig.home);
    expect(counted).toBe(true);
    expect(cards.map(({ freeBytes = 0 }) => freeBytes / MIB)).toEqual([2048, 1024]);
    const message = expect.stringMatching(/^nvidia-smi gave no answer .* It is waited for, 40 s/);
    expect(rig.events).toEqual([{ type: "info", message }]);
  });

  const layout = { [LABEL.gpuLayout]: "2/4@0.9" };
  it.each<[string, readonly DeviceRequest[], Readonly<Record<string, string>>, number, boolean]>([
    ["as many as what runs was given", ALL, layout, 4, true],
    ["one where nobody knows", ALL, {}, 1, false],
    ["those that are named", [{ driver: "nvidia", ids: ["1"] }], layout, 1, true],
  ])("counts as %s when it never answers", async (_title, devices, labels, count, known) => {
    await using rig = await besideSlow(Infinity);
    const runs = container({ [LABEL.gpu]: "nvidia:all", ...labels });
    const { cards, counted } = await memoryOfGpus(rig.context, devices, [runs], rig.home);
    expect(counted).toBe(known);
    expect(cards).toEqual(Array.from({ length: count }, () => unknown));
  });
});
