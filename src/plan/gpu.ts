import type { DaemonFacts, DeviceRequest } from "../docker/runtime.ts";
import { StackError } from "../errors.ts";

export type GpuPolicy = "auto" | "all" | "none";

const CDI_ALL = "nvidia.com/gpu=all";

/**
 * Which devices the engine's container asks for, out of what the daemon (not the host) offers: CDI where it has
 * discovered NVIDIA devices, else its `nvidia` runtime. `all` on a daemon with neither is `GPU_UNUSABLE`.
 */
export function gpuDevices(
  policy: GpuPolicy,
  daemon: Pick<DaemonFacts, "runtimes" | "discoveredDevices">,
): readonly DeviceRequest[] {
  if (policy === "none") return [];
  if (daemon.discoveredDevices.includes(CDI_ALL)) return [{ driver: "cdi", ids: [CDI_ALL] }];
  if (daemon.runtimes.includes("nvidia")) return [{ driver: "nvidia", ids: "all" }];
  if (policy === "auto") return [];
  throw new StackError("GPU_UNUSABLE", {
    what: "A GPU was asked for, and the container daemon offers none.",
    why: "It has no nvidia runtime and has discovered no NVIDIA device through CDI.",
    next: "install the NVIDIA Container Toolkit, or use --gpu none",
  });
}
