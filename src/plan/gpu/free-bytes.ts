import type { DeviceRequest } from "../../docker/runtime.ts";
import type { RenderNode } from "./host-gpu.ts";
import type { GpuDevice } from "./verdict.ts";

/** Of what a machine says of its GPUs, that which is about their memory. */
export interface GpuMemory {
  readonly nvidia: {
    readonly devices: readonly Pick<GpuDevice, "index" | "uuid" | "freeBytes">[];
  };
  readonly renderNodes: readonly Pick<RenderNode, "path" | "vendor" | "freeBytes">[];
}

/**
 * Free bytes of each device that a container is given, in the order of the requests; empty without any. Undefined where one does
 * not say: other makes than NVIDIA and AMD, a share of a card (MIG), or one that is not listed.
 */
export function freeOfDevices(
  requests: readonly DeviceRequest[],
  host: GpuMemory,
): readonly (number | undefined)[] {
  return requests.flatMap((request) => {
    if (request.driver !== "nodes") {
      const ids = request.ids === "all" ? ["all"] : request.ids;
      return ids.flatMap((id) => freeOf(id, host));
    }
    // `/dev/kfd`, which all of AMD's cards share, is none of them.
    return request.paths
      .filter((path) => path !== "/dev/kfd")
      .map((path) => host.renderNodes.find((node) => node.path === path)?.freeBytes);
  });
}

/** `all`, an index or a UUID, and of CDI with its kind in front. */
function freeOf(id: string, host: GpuMemory): readonly (number | undefined)[] {
  const [, kind = "nvidia.com/gpu", name = ""] = /^(?:(.+)=)?([^=]+)$/.exec(id) ?? [];
  const listed = listedOf(kind, host);
  if (name === "all" && listed.length > 0) return listed.map(({ freeBytes }) => freeBytes);
  return [listed.find(({ names }) => names.includes(name))?.freeBytes];
}

interface Listed {
  readonly names: readonly string[];
  readonly freeBytes: number | undefined;
}

function listedOf(kind: string, { nvidia, renderNodes }: GpuMemory): readonly Listed[] {
  if (kind === "nvidia.com/gpu") {
    return nvidia.devices.map(({ index, uuid, freeBytes }) => ({
      names: [`${index}`, uuid],
      freeBytes,
    }));
  }
  if (kind !== "amd.com/gpu") return [];
  // amd-ctk counts by PCI address (internal/cdi/cdi.go), the kernel in the order in which it finds the cards: that of the bus.
  return renderNodes
    .filter(({ vendor }) => vendor === "amd")
    .map(({ freeBytes }, index) => ({ names: [`${index}`], freeBytes }));
}
