import { expect, it } from "vitest";
import type { DeviceRequest } from "../../docker/runtime.ts";
import { type GpuMemory, memoryOfDevices } from "./free-bytes.ts";

const node = (number: number, vendor: "amd" | "intel", freeBytes?: number) => ({
  path: `/dev/dri/renderD${number}`,
  vendor,
  freeBytes,
});
const HOST: GpuMemory = {
  nvidia: {
    devices: [
      { index: 0, uuid: "GPU-aa", freeBytes: 20 },
      { index: 1, uuid: "GPU-bb", freeBytes: 80 },
      { index: 2, uuid: "GPU-cc", freeBytes: undefined },
    ],
  },
  renderNodes: [node(128, "intel"), node(129, "amd", 16), node(130, "amd", 24)],
};

it.each<[string, readonly DeviceRequest[], readonly (number | undefined)[]]>([
  ["none", [], []],
  ["all through CDI", [{ driver: "cdi", ids: ["nvidia.com/gpu=all"] }], [20, 80, undefined]],
  ["one through CDI", [{ driver: "cdi", ids: ["nvidia.com/gpu=1"] }], [80]],
  ["one by UUID", [{ driver: "cdi", ids: ["nvidia.com/gpu=GPU-aa"] }], [20]],
  ["some of the runtime", [{ driver: "nvidia-runtime", ids: ["0", "2"] }], [20, undefined]],
  ["all of the daemon's own", [{ driver: "nvidia", ids: "all" }], [20, 80, undefined]],
  ["one that is not listed", [{ driver: "nvidia", ids: ["7"] }], [undefined]],
  ["a share of a card", [{ driver: "nvidia", ids: ["MIG-dd"] }], [undefined]],
  ["AMD's through CDI", [{ driver: "cdi", ids: ["amd.com/gpu=all"] }], [16, 24]],
  ["AMD's second through CDI", [{ driver: "cdi", ids: ["amd.com/gpu=1"] }], [24]],
  ["another make through CDI", [{ driver: "cdi", ids: ["intel.com/gpu=0"] }], [undefined]],
  [
    "AMD's by its nodes",
    [{ driver: "nodes", paths: ["/dev/kfd", "/dev/dri/renderD130"], groups: [44] }],
    [24],
  ],
  [
    "the nodes of several makes",
    [{ driver: "nodes", paths: ["/dev/dri/renderD128", "/dev/dri/renderD129"], groups: [44] }],
    [undefined, 16],
  ],
])("free memory of %s", (_title, requests, expected) => {
  const free = memoryOfDevices(requests, HOST).map(({ freeBytes }) => freeBytes);
  expect(free).toEqual(expected);
});

it("does not say anything where nvidia-smi listed nothing", () => {
  const nothing = { nvidia: { devices: [] }, renderNodes: [] };
  const all: DeviceRequest = { driver: "cdi", ids: ["nvidia.com/gpu=all"] };
  expect(memoryOfDevices([all], nothing)).toEqual([{ freeBytes: undefined }]);
});
