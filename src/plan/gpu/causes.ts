import type { GpuCause, GpuFault } from "./verdict.ts";

/** Sets the whole machine up, or says what is missing. */
export const SETUP = "pnpm setup:gpu";
/** From NVIDIA's guide; no restart is needed, the daemon reads the folder again. */
export const CDI_GENERATE = "sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml";
export const RUNTIME_CONFIGURE =
  "sudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl restart docker";
/** For a driver that is older than an image wants. */
export const UPDATE_DRIVER =
  "update the NVIDIA driver and restart the machine, or name an older image with --image";
/** NVIDIA's own machines for the edge get driver and toolkit together: https://docs.nvidia.com/jetson/jetpack */
export const JETPACK = "sudo apt-get install nvidia-jetpack";

interface CauseRow {
  readonly cause: GpuCause;
  /** What the daemon, the toolkit, nvidia-smi or CUDA say then. A sample of each, with its source, is in the tests. */
  readonly words: RegExp;
  readonly why: string;
  readonly next: string;
}

/** What went wrong, by the words it is told in; the first that matches counts, so the special come before the general. */
const CAUSES: readonly CauseRow[] = [
  {
    cause: "no-answer",
    // Our own: src/host/gpu-facts.ts.
    words: /gave no answer within/,
    why: "The NVIDIA driver does not answer in time: it hangs, or takes long to wake.",
    next: "nvidia-smi",
  },
  {
    cause: "driver-too-old-for-image",
    words:
      /unsatisfied condition: cuda|forward compatibility was attempted on non supported HW|driver version is insufficient for CUDA runtime|NVIDIA driver on your system is too old|CUDA error 804\b/i,
    why: "The image is built for a newer CUDA than the NVIDIA driver of this machine serves.",
    next: UPDATE_DRIVER,
  },
  {
    cause: "nvml-error",
    words: /driver\/library version mismatch/i,
    why: "The NVIDIA driver was updated, and its old kernel module is still loaded.",
    next: "sudo reboot",
  },
  {
    cause: "toolkit-missing",
    words:
      /exec: "nvidia-container-\S+": executable file not found|fork\/exec \S*nvidia-\S+: no such file/i,
    why: "Docker is told to use the NVIDIA Container Toolkit, and it is not installed.",
    next: SETUP,
  },
  {
    cause: "driver-missing",
    words:
      /libnvidia-ml\.so\.1: cannot open|nvml error: driver not loaded|couldn.t communicate with the NVIDIA driver|NVML: (driver not loaded|ERROR_LIBRARY_NOT_FOUND)|NVIDIA-SMI couldn.t find libnvidia-ml/i,
    why: "The NVIDIA driver is not installed, or its kernel module is not loaded.",
    next: SETUP,
  },
  {
    cause: "cgroup-driver",
    words:
      /BPF_CGROUP_DEVICE|devices\.allow: |cgroup subsystem devices not found|failed to add device rules/i,
    why: "The toolkit may not change the container's cgroup, as with rootless Docker.",
    next: "sudo nvidia-ctk config --in-place --set nvidia-container-cli.no-cgroups=true",
  },
  {
    cause: "cgroup-driver",
    words: /Failed to initialize NVML: Unknown Error/i,
    why: "The container's cgroup does not let it open the GPU; systemd takes it away at a reload where runtime and systemd both manage cgroups.",
    next: "sudo nvidia-ctk config --in-place --set nvidia-container-cli.no-cgroups=false",
  },
  {
    cause: "daemon-not-configured",
    words:
      /could not select device driver|(unknown or invalid runtime name|unknown runtime specified):? "?nvidia|invoking the NVIDIA Container Runtime Hook directly/i,
    why: "Docker is not configured for the NVIDIA Container Toolkit.",
    next: RUNTIME_CONFIGURE,
  },
  {
    cause: "cdi-spec-missing",
    words: /unresolvable CDI devices/i,
    why: "The CDI specification does not list that device.",
    next: CDI_GENERATE,
  },
  {
    cause: "cdi-spec-stale",
    words:
      /(fulfil mount request: open |lib[\w-]*(nvidia|cuda|nvoptix)[\w-]*\.so\S*|\/dev\/nvidia\S*|\/nvidia-\S+)[^\n]* no such file or directory/i,
    why: "The CDI specification names files that are gone, as after an update of the driver.",
    next: CDI_GENERATE,
  },
  {
    cause: "no-devices",
    words:
      /No devices were found|no NVIDIA GPU device is present|device error: \S+: unknown device|no CUDA-capable device/i,
    why: "The driver works and has no such GPU to offer.",
    next: "nvidia-smi -L",
  },
  {
    cause: "nvml-error",
    words: /NVML|GPU is lost|Unable to determine the device handle/i,
    why: "The NVIDIA driver cannot speak to the GPU.",
    next: "sudo dmesg | grep -i nvrm",
  },
];

/** The fault that a text tells of; undefined when no row knows it. The line that told is its evidence. */
export function explainGpuWords(text: string): GpuFault | undefined {
  const row = CAUSES.find(({ words }) => words.test(text));
  if (row === undefined) return undefined;
  const { cause, why, next, words } = row;
  const line = text.split("\n").find((each) => words.test(each)) ?? text;
  return { state: "broken", cause, why, next, evidence: [lastPart(line)] };
}

/** Docker's errors say their cause last, behind a chain of who called whom. */
function lastPart(line: string): string {
  const text = line.trim();
  return text.length <= 240 ? text : `…${text.slice(-240)}`;
}
