import { INHIBIT_IPV4 } from "../docker/networks.ts";
import type { DaemonFacts, NetworkSpec } from "../docker/runtime.ts";
import { LABEL } from "../plan/labels.ts";
import { dockerNames } from "./names.ts";

const BRIDGE = "com.docker.network.bridge";

/**
 * The network that has no way out: the engine is on no other. `internal` takes away routes and NAT. The host itself would
 * still answer at the bridge's address, so that is taken away too, as far as the daemon knows how.
 */
export function sealedNetwork(
  stack: string,
  facts: Pick<DaemonFacts, "isolatedNetworks" | "gatewayModes">,
): NetworkSpec {
  return {
    name: dockerNames(stack).sealed,
    labels: { [LABEL.name]: stack },
    internal: true,
    options: withoutBridgeAddress(facts),
  };
}

function withoutBridgeAddress({
  isolatedNetworks,
  gatewayModes,
}: Pick<DaemonFacts, "isolatedNetworks" | "gatewayModes">): Readonly<Record<string, string>> {
  if (!isolatedNetworks) return {};
  if (gatewayModes) {
    return {
      [`${BRIDGE}.gateway_mode_ipv4`]: "isolated",
      [`${BRIDGE}.gateway_mode_ipv6`]: "isolated",
    };
  }
  // Older Engines: containers are given a default route to an address that nobody has (seen on 20.10.24).
  return { [INHIBIT_IPV4]: "true" };
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
