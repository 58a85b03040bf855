import type { NetworkFacts } from "../docker/runtime.ts";

/** How far out the engine can reach, by the shape of its network. */
export interface Seal {
  /**
   * `isolated`: it reaches nothing but its gateway. `internal`: no way out, but the host itself is
   * reachable at the bridge's address. `process`: it runs as this user, with this user's network. `adopted`: it is not ours.
   * `unknown`: the daemon could not be asked.
   */
  readonly kind: "isolated" | "internal" | "process" | "adopted" | "none" | "unknown";
  readonly hostReachable: boolean;
  readonly warnings: readonly string[];
}

/**
 * The verdict over a stack's sealed network, as the daemon shows it. The version of the daemon is not
 * believed: 20.10 takes the option for isolation and ignores it, so what counts is that no gateway address was given.
 */
export function sealOf(runsIn: "process" | "containers", network: NetworkFacts | undefined): Seal {
  if (runsIn === "process") {
    return { kind: "process", hostReachable: true, warnings: [] };
  }
  if (network === undefined || !network.internal) {
    return {
      kind: "none",
      hostReachable: true,
      warnings: ["There is no sealed network: this engine may reach anything."],
    };
  }
  if (network.gateways.length === 0)
    return { kind: "isolated", hostReachable: false, warnings: [] };
  return {
    kind: "internal",
    hostReachable: true,
    warnings: [
      `The host is reachable from the sealed network (at ${network.gateways.join(", ")}), and so is any service on it that listens on all addresses. Docker Engine can cut that too; Podman cannot.`,
    ],
  };
}

/** Of a server that somebody else has started: nothing is known of what it may reach. */
export function adoptedSeal(): Seal {
  return { kind: "adopted", hostReachable: true, warnings: [] };
}

/** Of containers that could not be looked at: as far out as one may fear. */
export function unseenSeal(): Seal {
  return { kind: "unknown", hostReachable: true, warnings: [] };
}
