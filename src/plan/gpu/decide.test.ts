import { describe, expect, it, test } from "vitest";
import type { Accelerator } from "../../engines/engine.ts";
import { decideGpu, type GpuQuestion } from "./decide.ts";
import { type HostGpu, NO_HOST_GPU } from "./host-gpu.ts";
import { GPU_POLICY_PATTERN, gpuDemanded, parseGpuPolicy } from "./policy.ts";

const CUDA: readonly Accelerator[] = ["cpu", "cuda"];
const ALL: readonly Accelerator[] = ["cpu", "cuda", "rocm", "vulkan"];

const daemon: GpuQuestion["daemon"] = {
  product: "docker",
  local: true,
  runtimes: ["runc"],
  cdiSpecDirs: [],
  discoveredDevices: [],
};
const cdi = {
  ...daemon,
  cdiSpecDirs: ["/etc/cdi"],
  discoveredDevices: ["nvidia.com/gpu=0", "nvidia.com/gpu=1", "nvidia.com/gpu=all"],
};
const runtime = { ...daemon, runtimes: ["runc", "nvidia"] };
const host = (nvidia: Partial<HostGpu["nvidia"]>, rest: Partial<HostGpu> = {}): HostGpu => ({
  ...NO_HOST_GPU,
  ...rest,
  nvidia: { ...NO_HOST_GPU.nvidia, ...nvidia },
});
const driver = { hardware: true, driverVersion: "570.133.20" };
const render = (number: number, vendor: HostGpu["renderNodes"][number]["vendor"]) => ({
  path: `/dev/dri/renderD${number}`,
  gid: 44,
  vendor,
  freeBytes: undefined,
});
const amd = host(
  {},
  { kfd: { path: "/dev/kfd", gid: 993 }, renderNodes: [render(128, "intel"), render(129, "amd")] },
);

const question = (part: Partial<GpuQuestion>): GpuQuestion => ({
  policy: "auto",
  accelerators: CUDA,
  daemon,
  host: NO_HOST_GPU,
  ...part,
});

describe("what is asked for", () => {
  it.each<[string, Partial<GpuQuestion>, string, unknown]>([
    ["nothing", { policy: "none", daemon: cdi }, "cpu", []],
    ["CDI", { daemon: cdi }, "cuda", [{ driver: "cdi", ids: ["nvidia.com/gpu=all"] }]],
    [
      "CDI before the runtime",
      { daemon: { ...cdi, runtimes: ["nvidia"] }, policy: "all" },
      "cuda",
      [{ driver: "cdi", ids: ["nvidia.com/gpu=all"] }],
    ],
    [
      "CDI, one of them",
      { daemon: cdi, policy: ["1"] },
      "cuda",
      [{ driver: "cdi", ids: ["nvidia.com/gpu=1"] }],
    ],
    [
      "CDI without an all",
      { daemon: { ...cdi, discoveredDevices: ["nvidia.com/gpu=0"] } },
      "cuda",
      [{ driver: "cdi", ids: ["nvidia.com/gpu=0"] }],
    ],
    ["the runtime", { daemon: runtime }, "cuda", [{ driver: "nvidia-runtime", ids: "all" }]],
    [
      "the runtime, one of them, remote",
      { daemon: { ...runtime, local: false }, policy: ["GPU-1"], host: undefined },
      "cuda",
      [{ driver: "nvidia-runtime", ids: ["GPU-1"] }],
    ],
    [
      "the toolkit is there, and the daemon says nothing: it is tried",
      { host: host({ ...driver, toolkit: true }) },
      "cuda",
      [{ driver: "nvidia", ids: "all" }],
    ],
    [
      "Podman knows CDI alone",
      { daemon: { ...daemon, product: "podman" }, host: host({ ...driver, toolkit: true }) },
      "cuda",
      [{ driver: "cdi", ids: ["nvidia.com/gpu=all"] }],
    ],
    [
      "AMD, its own node of two",
      { accelerators: ALL, host: amd },
      "rocm",
      [{ driver: "nodes", paths: ["/dev/kfd", "/dev/dri/renderD129"], groups: [44, 993] }],
    ],
    [
      "AMD through CDI",
      { accelerators: ALL, daemon: { ...daemon, discoveredDevices: ["amd.com/gpu=all"] } },
      "rocm",
      [{ driver: "cdi", ids: ["amd.com/gpu=all"] }],
    ],
    [
      "an integrated GPU, not by itself",
      { accelerators: ALL, host: host({}, { renderNodes: [render(128, "intel")] }) },
      "cpu",
      [],
    ],
    [
      "an integrated GPU, demanded",
      { accelerators: ALL, policy: "all", host: host({}, { renderNodes: [render(128, "intel")] }) },
      "vulkan",
      [{ driver: "nodes", paths: ["/dev/dri/renderD128"], groups: [44] }],
    ],
    ["AMD for an engine without an image for it", { host: amd }, "cpu", []],
  ])("%s", (_, part, accelerator, devices) => {
    expect(decideGpu(question(part))).toMatchObject({ accelerator, devices });
  });
});

describe("why nothing can be", () => {
  it.each<[string, Partial<GpuQuestion>, string]>([
    ["no GPU", {}, "absent no-devices"],
    [
      "no GPU, remote",
      { host: undefined, daemon: { ...daemon, local: false } },
      "absent no-devices",
    ],
    ["a GPU without a driver", { host: host({ hardware: true }) }, "broken driver-missing"],
    [
      "an old module beside a new library",
      {
        host: host({
          hardware: true,
          complaint: "Failed to initialize NVML: Driver/library version mismatch",
        }),
      },
      "broken nvml-error",
    ],
    [
      "a driver that does not answer",
      { host: host({ hardware: true, complaint: "nvidia-smi gave no answer within 2.5 s." }) },
      "broken no-answer",
    ],
    ["a driver without the toolkit", { host: host(driver) }, "broken toolkit-missing"],
    ["a number that is not there", { daemon: cdi, policy: ["7"] }, "broken unknown-device"],
    ["AMD, and no image for it", { host: amd }, "broken no-image-for-gpu"],
    [
      "AMD's interface without a GPU of theirs",
      { host: host({}, { kfd: { path: "/dev/kfd", gid: 109 } }) },
      "absent no-devices",
    ],
    [
      "an integrated GPU that nobody asked for",
      { accelerators: ALL, host: host({}, { renderNodes: [render(128, "intel")] }) },
      "unasked vulkan-only",
    ],
    [
      "one for which the engine has no image",
      { host: host({}, { renderNodes: [render(128, "intel")] }) },
      "unasked no-image-for-gpu",
    ],
    [
      "one AMD GPU that is there, and one that is not",
      { accelerators: ALL, host: amd, policy: ["0", "5"] },
      "broken unknown-device",
    ],
    [
      "the same with Vulkan",
      {
        accelerators: ALL,
        host: host({}, { renderNodes: [render(128, "intel")] }),
        policy: ["0", "1"],
      },
      "broken unknown-device",
    ],
    ["a second AMD GPU", { accelerators: ALL, host: amd, policy: ["5"] }, "absent unknown-device"],
  ])("%s", (_, part, expected) => {
    const { fault, devices } = decideGpu(question(part));
    expect(`${fault?.state} ${fault?.cause}`).toBe(expected);
    expect(fault?.next.length).toBeGreaterThan(0);
    expect(devices).toEqual([]);
  });
});

it.each<[string, Partial<GpuQuestion>, readonly string[], string]>([
  [
    "CDI, one of them",
    { daemon: cdi, policy: ["1", "7"] },
    ["discovered: nvidia.com/gpu=0, nvidia.com/gpu=1, nvidia.com/gpu=all"],
    "stack up --gpu 1",
  ],
  [
    "CDI, none of them",
    { daemon: cdi, policy: ["7"] },
    ["discovered: nvidia.com/gpu=0, nvidia.com/gpu=1, nvidia.com/gpu=all"],
    "stack up --gpu 0",
  ],
  [
    "AMD, one of them",
    { accelerators: ALL, host: amd, policy: ["5", "0"] },
    ["0: amd /dev/dri/renderD129"],
    "stack up --gpu 0",
  ],
  [
    "AMD, none of them",
    { accelerators: ALL, host: amd, policy: ["5"] },
    ["amd /dev/dri/renderD129", "intel /dev/dri/renderD128"],
    "stack up --gpu all",
  ],
  [
    "none that the engine has an image for",
    { host: amd, policy: ["0"] },
    ["amd /dev/dri/renderD129", "intel /dev/dri/renderD128"],
    "stack up --gpu none",
  ],
])("a number that is not there is told with those that are: %s", (_, part, evidence, next) => {
  expect(decideGpu(question(part)).fault).toMatchObject({
    cause: "unknown-device",
    evidence,
    next,
  });
});

test.each([
  ["auto", "auto", false],
  ["all", "all", true],
  ["none", "none", false],
  ["0", ["0"], true],
  ["1,0,1", ["1", "0"], true],
  ["GPU-5a1bc7f2-0f0e", ["GPU-5a1bc7f2-0f0e"], true],
] as const)("--gpu %s", (text, policy, demanded) => {
  expect(GPU_POLICY_PATTERN.test(text)).toBe(true);
  expect(parseGpuPolicy(text)).toEqual(policy);
  expect(gpuDemanded(parseGpuPolicy(text))).toBe(demanded);
});

test.each(["", "auto,0", "0,", "gpu0", "-1", "all all", "0 1"])("--gpu %j is refused", (text) => {
  expect(GPU_POLICY_PATTERN.test(text)).toBe(false);
});

it.each<[HostGpu["kind"], RegExp, RegExp]>([
  ["native", /^pnpm setup:gpu$/, /^pnpm setup:gpu$/],
  ["wsl", /in Windows/, /^pnpm setup:gpu$/],
  ["jetson", /nvidia-jetpack$/, /nvidia-jetpack$/],
])("what brings driver and toolkit on a machine of the kind %s", (kind, driver, toolkit) => {
  const next = (card: Partial<HostGpu["nvidia"]>) =>
    decideGpu(question({ host: { ...host({ hardware: true, ...card }), kind } })).fault?.next;
  expect(next({})).toMatch(driver);
  expect(next({ driverVersion: "580.95.05" })).toMatch(toolkit);
});
