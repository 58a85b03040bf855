import { expect, it } from "vitest";
import type { DeviceRequest } from "../../docker/runtime.ts";
import { freeOfDevices } from "./free-bytes.ts";

const CARDS = [
  { index: 0, uuid: "GPU-aa", freeBytes: 20 },
  { index: 1, uuid: "GPU-bb", freeBytes: 80 },
  { index: 2, uuid: "GPU-cc", freeBytes: undefined },
];

it.each<[string, readonly DeviceRequest[], readonly (number | undefined)[]]>([
  ["none", [], []],
  ["all through CDI", [{ driver: "cdi", ids: ["nvidia.com/gpu=all"] }], [20, 80, undefined]],
  ["one through CDI", [{ driver: "cdi", ids: ["nvidia.com/gpu=1"] }], [80]],
  ["one by UUID", [{ driver: "cdi", ids: ["nvidia.com/gpu=GPU-aa"] }], [20]],
  ["some of the runtime", [{ driver: "nvidia-runtime", ids: ["0", "2"] }], [20, undefined]],
  ["all of the daemon's own", [{ driver: "nvidia", ids: "all" }], [20, 80, undefined]],
  ["one that is not listed", [{ driver: "nvidia", ids: ["7"] }], [undefined]],
  ["a share of a card", [{ driver: "nvidia", ids: ["MIG-dd"] }], [undefined]],
  ["another make through CDI", [{ driver: "cdi", ids: ["amd.com/gpu=0"] }], [undefined]],
  [
    "device nodes beside NVIDIA's cards",
    [{ driver: "nodes", paths: ["/dev/kfd", "/dev/dri/renderD128"], groups: [44] }],
    [undefined, undefined],
  ],
])("free memory of %s", (_title, requests, expected) => {
  expect(freeOfDevices(requests, CARDS)).toEqual(expected);
});

it("does not say anything where nvidia-smi listed nothing", () => {
  expect(freeOfDevices([{ driver: "cdi", ids: ["nvidia.com/gpu=all"] }], [])).toEqual([undefined]);
});
