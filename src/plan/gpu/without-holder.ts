import type { HostGpu } from "./host-gpu.ts";

/**
 * The GPUs as they will be when a container is gone that has some of their memory: `held` are its bytes by UUID. Where nobody tells
 * how much it has, they count as if nobody else used them: what then does not fit ends with the engine's own words, and the other
 * way round a stack would be in its own way for good.
 */
export function withoutHolder(
  { nvidia, renderNodes, ...host }: HostGpu,
  held: ReadonlyMap<string, number> | undefined,
): HostGpu {
  const freed = (all: number | undefined, free: number | undefined, own: number | undefined) => {
    if (held === undefined) return all ?? free;
    return free === undefined ? undefined : Math.min(all ?? Infinity, free + (own ?? 0));
  };
  return {
    ...host,
    nvidia: {
      ...nvidia,
      devices: nvidia.devices.map((device) => ({
        ...device,
        freeBytes: freed(device.totalBytes, device.freeBytes, held?.get(device.uuid)),
      })),
    },
    renderNodes: renderNodes.map((node) => ({
      ...node,
      freeBytes: freed(node.totalBytes, node.freeBytes, undefined),
    })),
  };
}
