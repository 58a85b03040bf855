import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { APPS_QUERY, readComputeApps } from "../plan/gpu/nvidia-smi.ts";
import type { Host } from "./host.ts";

/** Milliseconds, as for all that is asked of a driver. */
const DEADLINE_MS = 3000;

/**
 * Bytes of each of NVIDIA's GPUs, by its UUID, that the processes of a container have. They are those whose control group has the
 * container's id in its path. Undefined where that is not told: no process of it is listed (other makes, WSL, another name space
 * of processes), or one without a figure. Never throws, but for an abort.
 */
export async function heldOfGpus(
  host: Pick<Host, "exec">,
  containerId: string,
  { signal, root = "/" }: { readonly signal: AbortSignal; readonly root?: string },
): Promise<ReadonlyMap<string, number> | undefined> {
  try {
    const { stdout } = await host.exec("nvidia-smi", APPS_QUERY, {
      signal,
      timeoutMs: DEADLINE_MS,
    });
    const held = new Map<string, number>();
    for (const { uuid, pid, usedBytes } of readComputeApps(stdout)) {
      const groups = await readFile(join(root, `/proc/${pid}/cgroup`), "utf8").catch(() => "");
      if (!groups.includes(containerId)) continue;
      if (usedBytes === undefined) return undefined;
      held.set(uuid, (held.get(uuid) ?? 0) + usedBytes);
    }
    return held.size === 0 ? undefined : held;
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}
