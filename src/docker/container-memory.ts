import * as z from "zod";
import { find } from "./ask.ts";
import type { Wire } from "./wire.ts";

const bytes = z.number().nonnegative().optional().catch(undefined);

/** What `GET /containers/{id}/stats` says of memory. Podman leaves `stats` out. */
const statsSchema = z.object({
  memory_stats: z
    .object({
      usage: bytes,
      /** `memory.stat` of the control group; version 1 writes sums over all below it as `total_…`. */
      stats: z
        .object({
          active_anon: bytes,
          inactive_anon: bytes,
          total_active_anon: bytes,
          total_inactive_anon: bytes,
        })
        .nullish(),
    })
    .nullish(),
});

/**
 * Bytes that would be free without this container: what its processes have of their own, and files that are nowhere but in memory.
 * Pages of files on disk are left out: those count as free anyhow. Undefined where it does not run, or the daemon does not say.
 */
export async function containerMemory(
  wire: Wire,
  id: string,
  signal?: AbortSignal,
): Promise<number | undefined> {
  const found = await find(wire, `Asking for the memory of container ${id}`, statsSchema, {
    method: "GET",
    path: `/containers/${encodeURIComponent(id)}/stats`,
    // One look: processor time would take a second, for two.
    query: { stream: false, "one-shot": true },
    signal,
  });
  const { usage, stats } = found?.memory_stats ?? {};
  const active = stats?.total_active_anon ?? stats?.active_anon;
  const inactive = stats?.total_inactive_anon ?? stats?.inactive_anon;
  return active === undefined || inactive === undefined ? usage : active + inactive;
}
