import type { Accelerator } from "../../engines/engine.ts";
import { StackError } from "../../errors.ts";

/** What is wrong between a GPU and a container. `src/plan/gpu/causes.ts` has the words by which each is known. */
export type GpuCause =
  | "no-devices"
  | "unknown-device"
  | "driver-missing"
  | "driver-too-old-for-image"
  | "nvml-error"
  | "toolkit-missing"
  | "daemon-not-configured"
  | "cdi-spec-missing"
  | "cdi-spec-stale"
  | "cgroup-driver"
  | "device-permission"
  | "image-has-no-cuda"
  | "no-image-for-gpu"
  | "vulkan-only"
  | "no-answer"
  | "unknown";

export interface GpuDevice {
  readonly index: number;
  readonly uuid: string;
  readonly name: string;
  readonly driverVersion: string;
  /** Undefined where the GPU has no memory of its own. */
  readonly totalBytes: number | undefined;
  readonly freeBytes: number | undefined;
}

/** Whether containers can use a GPU here; if not, why, and the one command that mends it. */
export type GpuVerdict =
  | {
      readonly state: "usable";
      readonly accelerator: Accelerator;
      /** As the container sees them; empty where there is no tool in it that tells. */
      readonly devices: readonly GpuDevice[];
      readonly evidence: readonly string[];
    }
  | GpuFault;

/** `absent`: there is nothing to use. `unasked`: there is something that only who asks for it gets. `broken`: there is something, and it can't be used. */
export interface GpuFault {
  readonly state: "absent" | "unasked" | "broken";
  readonly cause: GpuCause;
  /** One sentence. */
  readonly why: string;
  /** What was seen or said, word for word. */
  readonly evidence: readonly string[];
  readonly next: string;
}

/** The end of a command that was asked for a GPU. */
export function gpuUnusable(fault: GpuFault): StackError {
  return new StackError("GPU_UNUSABLE", {
    what: "A GPU was asked for and cannot be used.",
    why: fault.why,
    next: fault.next,
    detail: [...fault.evidence, `cause: ${fault.cause}`],
  });
}
