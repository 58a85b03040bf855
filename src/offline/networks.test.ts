import { expect, it } from "vitest";
import { gatewayContainer, gatewayFile } from "./gateway-container.ts";
import { outerNetwork, sealedNetwork } from "./networks.ts";

const BRIDGE = "com.docker.network.bridge";

it.each([
  [
    "Engine 28 isolates",
    { isolatedNetworks: true, gatewayModes: true },
    { [`${BRIDGE}.gateway_mode_ipv4`]: "isolated", [`${BRIDGE}.gateway_mode_ipv6`]: "isolated" },
  ],
  [
    "older Engines leave the bridge without address",
    { isolatedNetworks: true, gatewayModes: false },
    { [`${BRIDGE}.inhibit_ipv4`]: "true" },
  ],
  ["Podman knows neither", { isolatedNetworks: false, gatewayModes: false }, {}],
] as const)("%s", (_, facts, options) => {
  expect(sealedNetwork("s", facts)).toEqual({
    name: "stack-s-sealed",
    labels: { "stack.name": "s" },
    internal: true,
    options,
  });
});

it("the gateway is published on loopback and nowhere else, and lives on both networks", () => {
  const gateway = gatewayContainer({
    stack: "s",
    engine: "ollama",
    image: "haproxy:3.0.28",
    hostPort: 4000,
    labels: {},
  });
  expect(gateway).toMatchObject({
    network: outerNetwork("s").name,
    extraNetworks: ["stack-s-sealed"],
    ports: [{ hostIp: "127.0.0.1", hostPort: 4000, containerPort: 8080 }],
    user: "65532:65532",
    env: {},
  });
});

it("only the gateway can read its configuration", () => {
  expect(gatewayFile("x").file).toMatchObject({ mode: 0o400, uid: 65_532, gid: 65_532 });
});
