import { StackError } from "../../errors.ts";
import type { Check, Finding } from "./check.ts";

export const isolationCheck: Check = {
  id: "isolation",
  title: "Sealed network",
  deadlineMs: 12_000,
  run: async ({ docker, settings }) => {
    try {
      return [isolationFinding((await docker()).isolatedNetworks, settings.requireIsolated)];
    } catch (error) {
      if (!(error instanceof StackError)) throw error;
      return [{ status: "skipped", summary: "no container daemon to ask" }];
    }
  },
};

/** `available` is what the daemon claims; `status` of a running stack says what its network really is. */
export function isolationFinding(available: boolean, required: boolean): Finding {
  if (available) return { status: "ok", summary: "engines can be cut off from the host too" };
  const summary = "engines have no way out of this machine, but can reach the host itself";
  const fix = "use Docker Engine, 20.10 or newer: Podman cannot do it";
  return required
    ? { status: "failed", code: "NETWORK_LEAK", summary, fix }
    : { status: "warning", summary, fix };
}
