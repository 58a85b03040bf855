import fc from "fast-check";
import { expect, test } from "vitest";
import { readCudaVersion, readGpuDevices, readModuleVersion } from "./nvidia-smi.ts";

const MIB = 1024 * 1024;

test("two GPUs, as the query prints them", () => {
  const text = [
    "0, GPU-c7b57be0-94ff-d352-a59b-d0ee00aeed43, Quadro RTX 4000, 535.129.03, 8192, 8191",
    "1, GPU-d6de6afc-bdfe-75c4-5273-0544439153fc, Quadro RTX 4000, 535.129.03, 8192, 12",
    "",
  ].join("\n");
  expect(readGpuDevices(text)).toEqual([
    {
      index: 0,
      uuid: "GPU-c7b57be0-94ff-d352-a59b-d0ee00aeed43",
      name: "Quadro RTX 4000",
      driverVersion: "535.129.03",
      totalBytes: 8192 * MIB,
      freeBytes: 8191 * MIB,
    },
    expect.objectContaining({ index: 1, freeBytes: 12 * MIB }),
  ]);
});

test("a GPU that shares the machine's memory has none of its own", () => {
  const text = "0, GPU-1, NVIDIA GB10, 580.95.05, [N/A], [N/A]";
  expect(readGpuDevices(text)).toMatchObject([{ totalBytes: undefined, freeBytes: undefined }]);
});

test.each([
  "Failed to initialize NVML: Unknown Error",
  "No devices were found",
  "Unable to determine the device handle for GPU0000:65:00.0: Unknown Error",
  "0, GPU-1, name, 570.1",
  "x, GPU-1, name, 570.1, 1, 1",
])("%s is no GPU", (text) => {
  expect(readGpuDevices(text)).toEqual([]);
});

test("no text makes it throw, and a good line is found among any others", () => {
  const good = "0, GPU-1, NVIDIA L4, 570.133.20, 23034, 22000";
  fc.assert(
    fc.property(fc.string(), fc.string(), (before, after) => {
      const devices = readGpuDevices(`${before}\n${good}\n${after}`);
      expect(devices.filter(({ uuid }) => uuid === "GPU-1").length).toBeGreaterThan(0);
      readCudaVersion(before);
      readModuleVersion(after);
    }),
  );
});

test.each([
  ["| NVIDIA-SMI 570.133.20    Driver Version: 570.133.20     CUDA Version: 12.8     |", "12.8"],
  ["| NVIDIA-SMI 595.10    KMD Version: 595.10     CUDA UMD Version: 13.2     |", "13.2"],
  ["| NVIDIA-SMI 384.90                 Driver Version: 384.90         |", undefined],
])("CUDA in %s", (line, version) => {
  expect(readCudaVersion(line)).toBe(version);
});

test.each([
  [
    "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 19:39:15 UTC 2024\nGCC version:  gcc version 12.2.0",
    "535.183.01",
  ],
  ["NVRM version:  NVIDIA UNIX Open Kernel Module for x86_64  515.57  Release Build", "515.57"],
  ["", undefined],
])("the module in %j", (text, version) => {
  expect(readModuleVersion(text)).toBe(version);
});
