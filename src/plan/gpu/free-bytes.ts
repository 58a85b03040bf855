import type { DeviceRequest } from "../../docker/runtime.ts";
import type { RenderNode } from "./host-gpu.ts";
import type { GpuDevice } from "./verdict.ts";

/** Of what a machine says of its GPUs, that which is about their memory. */
export interface GpuMemory {
  readonly nvidia: {
    readonly devices: readonly (Pick<GpuDevice, "index" | "uuid"> & DeviceMemory)[];
  };
  readonly renderNodes: readonly (Pick<RenderNode, "path" | "vendor"> & DeviceMemory)[];
}

/** Bytes; undefined where a device does not say. */
export interface DeviceMemory {
  readonly freeBytes: number | undefined;
  readonly totalBytes?: number | undefined;
}

/**
 * Memory of each device that a container is given, in the order of the requests; empty without any. Nothing is known of other makes
 * than NVIDIA and AMD, of a share of a card (MIG), and of one that is not listed.
 */
export function memoryOfDevices(
  requests: readonly DeviceRequest[],
  host: GpuMemory,
): readonly DeviceMemory[] {
  return requests.flatMap((request) => {
    if (request.driver !== "nodes") {
      const ids = request.ids === "all" ? ["all"] : request.ids;
      return ids.flatMap((id) => memoryOf(id, host));
    }
    // `/dev/kfd`, which all of AMD's cards share, is none of them.
    return request.paths
      .filter((path) => path !== "/dev/kfd")
      .map((path) => host.renderNodes.find((node) => node.path === path) ?? UNKNOWN);
  });
}

const UNKNOWN: DeviceMemory = { freeBytes: undefined };

/** `all`, an index or a UUID, and of CDI with its kind in front. */
function memoryOf(id: string, host: GpuMemory): readonly DeviceMemory[] {
  const [, kind = "nvidia.com/gpu", name = ""] = /^(?:(.+)=)?([^=]+)$/.exec(id) ?? [];
  const listed = listedOf(kind, host);
  if (name === "all" && listed.length > 0) return listed.map(({ memory }) => memory);
  return [listed.find(({ names }) => names.includes(name))?.memory ?? UNKNOWN];
}

interface Listed {
  readonly names: readonly string[];
  readonly memory: DeviceMemory;
}

function listedOf(kind: string, { nvidia, renderNodes }: GpuMemory): readonly Listed[] {
  if (kind === "nvidia.com/gpu") {
    return nvidia.devices.map((memory) => ({ names: [`${memory.index}`, memory.uuid], memory }));
  }
  if (kind !== "amd.com/gpu") return [];
  // amd-ctk counts by PCI address (internal/cdi/cdi.go), the kernel in the order in which it finds the cards: that of the bus.
  return renderNodes
    .filter(({ vendor }) => vendor === "amd")
    .map((memory, index) => ({ names: [`${index}`], memory }));
}
