import { expect, test } from "vitest";
import { explainGpuWords } from "./causes.ts";
import type { GpuCause } from "./verdict.ts";

const RUNC =
  "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: ";

/** Words as people met them, each with where. */
const SAMPLES: readonly (readonly [GpuCause, string, string])[] = [
  [
    "driver-too-old-for-image",
    "https://github.com/SyneRBI/PETRIC2/issues/27",
    `${RUNC}error running prestart hook #0: exit status 1, stdout: , stderr: Auto-detected mode as 'legacy'\nnvidia-container-cli: requirement error: unsatisfied condition: cuda>=12.8, please update your driver to a newer version, or use an earlier cuda container`,
  ],
  [
    "driver-too-old-for-image",
    "https://github.com/AIR-DISCOVER/ICRA2024-Sim2Real-AXS/issues/5",
    "RuntimeError: Unexpected error from cudaGetDeviceCount(). Did you run some cuda functions before calling NumCudaDevices() that might have already set an error? Error 804: forward compatibility was attempted on non supported HW",
  ],
  [
    "driver-too-old-for-image",
    "https://github.com/ollama/ollama/issues/7666",
    "ggml_cuda_init: failed to initialize CUDA: CUDA driver version is insufficient for CUDA runtime version",
  ],
  [
    "nvml-error",
    "https://github.com/tinygrad/open-gpu-kernel-modules/issues/47",
    "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 570.124",
  ],
  [
    "nvml-error",
    "https://github.com/labdao/plex/issues/18",
    `${RUNC}error running hook #0: error running hook: exit status 1, stdout: , stderr: Auto-detected mode as 'legacy'\nnvidia-container-cli: initialization error: nvml error: driver/library version mismatch: unknown.`,
  ],
  [
    "nvml-error",
    "https://github.com/NVIDIA/open-gpu-kernel-modules/issues/387",
    "Unable to determine the device handle for GPU 0000:0B:00.0: Unknown Error",
  ],
  [
    "toolkit-missing",
    "https://github.com/NVIDIA/nvidia-docker/issues/958",
    'OCI runtime create failed: exec: "nvidia-container-runtime-hook": executable file not found in $PATH: unknown.',
  ],
  [
    "toolkit-missing",
    "https://github.com/NVIDIA/nvidia-docker/issues/1190",
    'OCI runtime create failed: unable to retrieve OCI runtime error exec: "nvidia-container-runtime": executable file not found in $PATH: : unknown.',
  ],
  [
    "toolkit-missing",
    "https://github.com/void-linux/void-packages/pull/52507",
    "runc create failed: unable to start container process: error during container init: error running hook #0: fork/exec /usr/bin/nvidia-cdi-hook: no such file or directory",
  ],
  [
    "driver-missing",
    "https://github.com/docker/for-win/issues/13835",
    "nvidia-container-cli: initialization error: load library failed: libnvidia-ml.so.1: cannot open shared object file: no such file or directory: unknown.",
  ],
  [
    "driver-missing",
    "https://github.com/NVIDIA/nvidia-docker/issues/1629",
    "failed to create shim: OCI runtime create failed: container_linux.go:380: starting container process caused: process_linux.go:545: container init caused: Running hook #0:: error running hook: exit status 1, stdout: , stderr: nvidia-container-cli: initialization error: nvml error: driver not loaded: unknown.",
  ],
  [
    "driver-missing",
    "https://github.com/NVIDIA/nvidia-docker/issues/988",
    "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest NVIDIA driver is installed and running.",
  ],
  [
    "cgroup-driver",
    "https://github.com/NVIDIA/nvidia-container-toolkit/issues/678",
    `${RUNC}error running hook #0: error running hook: exit status 1, stdout: , stderr: Auto-detected mode as 'legacy'\nnvidia-container-cli: mount error: failed to add device rules: unable to find any existing device filters attached to the cgroup: bpf_prog_query(BPF_CGROUP_DEVICE) failed: operation not permitted: unknown.`,
  ],
  [
    "cgroup-driver",
    "https://github.com/NVIDIA/nvidia-docker/issues/1660",
    "nvidia-container-cli: container error: cgroup subsystem devices not found: unknown",
  ],
  [
    "cgroup-driver",
    "https://github.com/NVIDIA/nvidia-docker/issues/1730",
    "Failed to initialize NVML: Unknown Error",
  ],
  [
    "daemon-not-configured",
    "https://github.com/NVIDIA/nvidia-docker/issues/1034",
    'could not select device driver "" with capabilities: [[gpu]].',
  ],
  [
    "daemon-not-configured",
    "https://github.com/infiniflow/ragflow/issues/9573",
    'could not select device driver "nvidia" with capabilities: [[gpu]]',
  ],
  [
    "daemon-not-configured",
    "https://github.com/NVIDIA/nvidia-container-toolkit/issues/150",
    "unknown or invalid runtime name: nvidia.",
  ],
  [
    "daemon-not-configured",
    "https://github.com/dstackai/dstack/issues/2306",
    `${RUNC}error running prestart hook #0: exit status 1, stdout: , stderr: Using requested mode 'cdi'\ninvoking the NVIDIA Container Runtime Hook directly (e.g. specifying the docker --gpus flag) is not supported. Please use the NVIDIA Container Runtime (e.g. specify the --runtime=nvidia flag) instead.: unknown`,
  ],
  [
    "cdi-spec-missing",
    "https://github.com/NVIDIA/nvidia-container-toolkit/issues/434",
    "could not apply required modification to OCI specification: error modifying OCI spec: failed to inject CDI devices: unresolvable CDI devices nvidia.com/gpu=all: unknown.",
  ],
  [
    "cdi-spec-missing",
    "https://github.com/moby/moby/issues/47633",
    "CDI device injection failed: unresolvable CDI devices nvidia.com/gpu=all",
  ],
  [
    "cdi-spec-stale",
    "https://github.com/HaveAGitGat/Tdarr/issues/1423",
    `${RUNC}failed to fulfil mount request: open /usr/lib/x86_64-linux-gnu/libEGL_nvidia.so.580.159.04: no such file or directory`,
  ],
  [
    "cdi-spec-stale",
    "https://github.com/Igalia/webkit-container-sdk/issues/23",
    "crun: error stat'ing file /lib/x86_64-linux-gnu/libEGL_nvidia.so.535.161.07: No such file or directory: OCI runtime attempted to invoke a command that was not found",
  ],
  [
    "no-devices",
    "https://github.com/NVIDIA/open-gpu-kernel-modules/issues/862",
    "No devices were found",
  ],
  [
    "no-devices",
    "https://github.com/NVIDIA/nvidia-container-toolkit/issues/632",
    `${RUNC}error running hook #1: error running hook: exit status 1, stdout: , stderr: Auto-detected mode as 'legacy'\nnvidia-container-cli: device error: 2: unknown device: unknown`,
  ],
];

test.each(SAMPLES)("%s: %s", (cause, _source, words) => {
  const fault = explainGpuWords(words);
  expect(fault).toMatchObject({ state: "broken", cause });
  expect(fault?.evidence[0]?.length).toBeGreaterThan(0);
  expect(fault?.next.length).toBeGreaterThan(0);
});

test("what no row knows is not guessed at", () => {
  expect(explainGpuWords("the port is taken")).toBeUndefined();
  expect(explainGpuWords("")).toBeUndefined();
});

test("the evidence is the line that told, and of a long one its end", () => {
  const [, , words] = SAMPLES[0] ?? ["", "", ""];
  expect(explainGpuWords(words)?.evidence).toEqual([
    "nvidia-container-cli: requirement error: unsatisfied condition: cuda>=12.8, please update your driver to a newer version, or use an earlier cuda container",
  ]);
  const long = `${"x".repeat(1000)} could not select device driver`;
  expect(explainGpuWords(long)?.evidence[0]).toHaveLength(241);
});
