import type { GpuDevice } from "./verdict.ts";

/** What this machine says of its GPUs. Means something for containers only when the daemon runs here too. */
export interface HostGpu {
  readonly kind: "native" | "wsl" | "jetson";
  readonly nvidia: NvidiaHost;
  /** AMD's compute interface, `/dev/kfd`. */
  readonly kfd: DeviceNode | undefined;
  /** `/dev/dri/renderD…`, in order. */
  readonly renderNodes: readonly RenderNode[];
}

interface NvidiaHost {
  /** Seen on the PCI bus, as a device node, or through WSL. */
  readonly hardware: boolean;
  /** Of the kernel module that is loaded. */
  readonly driverVersion: string | undefined;
  /** Newest CUDA that the driver serves. */
  readonly cudaVersion: string | undefined;
  readonly devices: readonly GpuDevice[];
  /** What nvidia-smi said when it failed, or that it said nothing in time. */
  readonly complaint: string | undefined;
  /** That it said nothing in time, and may yet. */
  readonly late?: boolean;
  /** Whether `nvidia-ctk` of the NVIDIA Container Toolkit is installed. */
  readonly toolkit: boolean;
}

export interface DeviceNode {
  readonly path: string;
  /** Group that may use it. */
  readonly gid: number;
}

export interface RenderNode extends DeviceNode {
  readonly vendor: "amd" | "intel" | "nvidia" | "other";
  /** Bytes of the memory on the card, where `freeBytes` is told. */
  readonly totalBytes?: number | undefined;
  /** Free bytes of the memory on the card. Undefined where its driver does not say (only AMD's does), or it uses the machine's. */
  readonly freeBytes: number | undefined;
}

/** Of a machine that could not be asked, or has nothing. */
export const NO_HOST_GPU: HostGpu = {
  kind: "native",
  nvidia: {
    hardware: false,
    driverVersion: undefined,
    cudaVersion: undefined,
    devices: [],
    complaint: undefined,
    toolkit: false,
  },
  kfd: undefined,
  renderNodes: [],
};
