import { expect, test } from "vitest";
import { judgePreflight, type PreflightSeen } from "./preflight.ts";

const ROW = "0, GPU-5a1bc7f2, NVIDIA GeForce RTX 4090, 570.133.20, 24564, 23900";
const SECOND = "1, GPU-6b2cd8a3, NVIDIA GeForce RTX 4090, 570.133.20, 24564, 24100";
const table = (cuda: string): string =>
  `@table | NVIDIA-SMI 570.133.20    Driver Version: 570.133.20     CUDA Version: ${cuda}     |`;

const judge = (output: string | undefined, rest: Partial<PreflightSeen> = {}): string => {
  const verdict = judgePreflight({
    request: [{ driver: "cdi", ids: ["nvidia.com/gpu=all"] }],
    accelerator: "cuda",
    refusal: undefined,
    ...rest,
    output,
  });
  if (verdict.state === "usable") return `usable ${verdict.devices.length}`;
  expect(verdict.next.length).toBeGreaterThan(0);
  return `${verdict.state} ${verdict.cause}`;
};

const runtime = { request: [{ driver: "nvidia-runtime", ids: "all" }] } as const;
const nodes = {
  accelerator: "rocm",
  request: [{ driver: "nodes", paths: [], groups: [] }],
} as const;

test.each<[string, string, string | undefined, Partial<PreflightSeen>?]>([
  ["one GPU", "usable 1", `@image \n@smi ${ROW}\n${table("12.8")}\n@end`],
  ["two GPUs", "usable 2", `@smi ${ROW}\n@smi ${SECOND}\n${table("12.8")}\n@end`],
  [
    "the image's CUDA is of the driver's major",
    "usable 1",
    `@image 12.9.1\n@smi ${ROW}\n${table("12.2")}`,
  ],
  ["an older image", "usable 1", `@image 11.8.0\n@smi ${ROW}\n${table("13.0")}`],
  [
    "a newer image",
    "broken driver-too-old-for-image",
    `@image 13.0.1\n@smi ${ROW}\n${table("12.8")}`,
  ],
  ["CUDA says 0", "usable 1", `@smi ${ROW}\n@cuinit 0`],
  ["CUDA says 804", "broken driver-too-old-for-image", `@smi ${ROW}\n@cuinit 804`],
  ["CUDA says 100", "broken no-devices", `@smi ${ROW}\n@cuinit 100`],
  ["CUDA says 999", "broken nvml-error", `@smi ${ROW}\n@cuinit 999`],
  ["Python cannot ask", "usable 1", `@smi ${ROW}\n@cuinit OSError: libcuda.so.1: cannot open`],
  ["NVML does not work", "broken cgroup-driver", "@smi Failed to initialize NVML: Unknown Error"],
  [
    "the library is newer than the module",
    "broken nvml-error",
    "@smi Failed to initialize NVML: Driver/library version mismatch\n@smi NVML library version: 570.124",
  ],
  ["no devices", "broken no-devices", "@smi No devices were found"],
  ["words that nobody knows", "broken nvml-error", "@smi Segmentation fault"],
  ["nothing came, CDI", "broken cdi-spec-stale", "@image \n@end"],
  ["nothing came, runtime", "broken daemon-not-configured", "@image \n@end", runtime],
  ["nodes without a library", "broken cdi-spec-stale", "@node rw /dev/nvidia0\n@end"],
  [
    "no nvidia-smi, but all else",
    "usable 0",
    "@node rw /dev/nvidia0\n@libcuda /usr/lib/x86_64-linux-gnu/libcuda.so.1",
  ],
  ["AMD", "usable 0", "@node rw /dev/kfd\n@node rw /dev/dri/renderD128", nodes],
  ["AMD, not for this user", "broken device-permission", "@node no /dev/kfd", nodes],
  [
    "the daemon refuses in known words",
    "broken daemon-not-configured",
    undefined,
    { refusal: 'could not select device driver "nvidia" with capabilities: [[gpu]]' },
  ],
  ["the daemon refuses in others", "broken unknown", undefined, { refusal: "no space left" }],
])("%s: %s", (_, expected, output, rest) => {
  expect(judge(output, rest)).toBe(expected);
});

test("the devices come with their memory", () => {
  expect(
    judgePreflight({
      request: [],
      accelerator: "cuda",
      refusal: undefined,
      output: `@smi ${ROW}\n${table("12.8")}`,
    }),
  ).toMatchObject({
    devices: [{ name: "NVIDIA GeForce RTX 4090", freeBytes: 23900 * 1024 * 1024 }],
    evidence: ["GPU 0: NVIDIA GeForce RTX 4090, driver 570.133.20", "CUDA up to 12.8"],
  });
});
