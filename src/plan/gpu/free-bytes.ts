import type { DeviceRequest } from "../../docker/runtime.ts";
import type { GpuDevice } from "./verdict.ts";

/**
 * Free bytes of each device that a container is given, in the order of the requests; empty without any. Undefined where one does
 * not say: other makes than NVIDIA, a share of a card (MIG), or one that nvidia-smi did not list.
 */
export function freeOfDevices(
  requests: readonly DeviceRequest[],
  listed: readonly Pick<GpuDevice, "index" | "uuid" | "freeBytes">[],
): readonly (number | undefined)[] {
  return requests.flatMap((request) => {
    if (request.driver === "nodes") return request.paths.map(() => undefined);
    const ids = request.ids === "all" ? ["all"] : request.ids;
    return ids.flatMap((id) => freeOf(id, listed));
  });
}

/** `all`, an index or a UUID, and of CDI with its kind in front. */
function freeOf(
  id: string,
  listed: readonly Pick<GpuDevice, "index" | "uuid" | "freeBytes">[],
): readonly (number | undefined)[] {
  const [, kind, name = ""] = /^(?:(.+)=)?([^=]+)$/.exec(id) ?? [];
  if (kind !== undefined && kind !== "nvidia.com/gpu") return [undefined];
  if (name === "all" && listed.length > 0) return listed.map(({ freeBytes }) => freeBytes);
  return [listed.find(({ index, uuid }) => `${index}` === name || uuid === name)?.freeBytes];
}
