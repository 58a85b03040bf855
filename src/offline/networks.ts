import type { DaemonFacts, NetworkSpec } from "../docker/runtime.ts";
import { LABEL } from "../plan/labels.ts";
import { dockerNames } from "./names.ts";

const BRIDGE = "com.docker.network.bridge";

/**
 * The network that has no way out: the engine is on no other. `internal` takes away routes and NAT; where the daemon
 * can (Engine 28), `isolated` also takes away the bridge's own address, and so the host.
 */
export function sealedNetwork(
  stack: string,
  facts: Pick<DaemonFacts, "isolatedNetworks">,
): NetworkSpec {
  return {
    name: dockerNames(stack).sealed,
    labels: { [LABEL.name]: stack },
    internal: true,
    options: facts.isolatedNetworks
      ? { [`${BRIDGE}.gateway_mode_ipv4`]: "isolated", [`${BRIDGE}.gateway_mode_ipv6`]: "isolated" }
      : {},
  };
}

/** The network on which the gateway is published. Nothing but the gateway is on it; without masquerading even that gets no answer from outside. */
export function outerNetwork(stack: string): NetworkSpec {
  return {
    name: dockerNames(stack).outer,
    labels: { [LABEL.name]: stack },
    internal: false,
    options: { [`${BRIDGE}.enable_ip_masquerade`]: "false" },
  };
}
