import { createServer, type Server } from "node:net";
import { networkInterfaces } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type GatewayRig, gatewayRig } from "../testing/gateway-rig.ts";
import { requireDocker } from "../testing/require-docker.ts";

const runtime = await requireDocker();

/** Longer than a name server or an address that nobody has is waited for. */
const PROBE_SECONDS = 4;

describe.skipIf(runtime === undefined)("the sealed network", () => {
  let rig: GatewayRig;
  let listener: Server;
  let port: number;

  beforeAll(async () => {
    if (runtime === undefined) return;
    rig = await gatewayRig(runtime, AbortSignal.timeout(60_000));
    listener = createServer((socket) => {
      socket.on("error", () => {});
      socket.end("reached");
    });
    await new Promise<void>((resolve) => {
      listener.listen(0, "0.0.0.0", resolve);
    });
    const address = listener.address();
    port = address !== null && typeof address === "object" ? address.port : 0;
  });
  afterAll(async () => {
    listener?.close();
    await (rig as GatewayRig | undefined)?.[Symbol.asyncDispose]();
  });

  /** What a container gets from an address of ours: the greeting, or nothing. */
  async function greeting(container: string, address: string): Promise<string | undefined> {
    const script = `exec 3<>/dev/tcp/${address}/${port} && cat <&3`;
    const command = ["timeout", `${PROBE_SECONDS}`, "bash", "-c", script];
    const result = await runtime?.containers.exec(container, command);
    return result?.output.trim();
  }

  function hostAddresses(): readonly string[] {
    return Object.values(networkInterfaces())
      .flatMap((each) => each ?? [])
      .filter(({ family, internal }) => family === "IPv4" && !internal)
      .map(({ address }) => address);
  }

  it("as a control: from the gateway's outer network the host is reached", async () => {
    const inspected = await runtime?.containers.inspect(rig.gateway);
    const outer = inspected?.networks[`stack-${rig.stack}-outer`]?.gateway ?? "";
    expect(await greeting(rig.gateway, outer)).toBe("reached");
  });

  it("reaches no address of the host", async () => {
    const addresses = hostAddresses();
    expect(addresses.length).toBeGreaterThan(0);
    const reached = await Promise.all(
      addresses.map(async (address) => ({ address, got: await greeting(rig.engine, address) })),
    );
    expect(reached.filter(({ got }) => got === "reached")).toEqual([]);
  });

  it("has no address on its bridge, and says so", async () => {
    const networks = (await runtime?.networks.list({ "stack.name": rig.stack })) ?? [];
    const sealed = networks.find(({ internal }) => internal);
    expect(sealed).toMatchObject({ gateways: [] });
    // 20.10 tells its containers of a gateway that nobody is.
    const engine = await runtime?.containers.inspect(rig.engine);
    const named = Object.values(engine?.networks ?? {}).map(({ gateway }) => gateway);
    expect(hostAddresses().filter((address) => named.includes(address))).toEqual([]);
  });

  it("has no IPv6 either", async () => {
    const script = "grep -cv ' lo$' /proc/net/if_inet6 || true";
    const result = await runtime?.containers.exec(rig.engine, ["bash", "-c", script]);
    expect(result?.output).toMatch(/^0$|No such file/m);
  });

  it("resolves no name but those of its own containers", async () => {
    const ask = (name: string) =>
      runtime?.containers.exec(rig.engine, ["timeout", "8", "getent", "hosts", name]);
    const [own, foreign] = await Promise.all([ask("engine"), ask("a-name-of-nobody.example")]);
    expect(own?.exitCode).toBe(0);
    expect(foreign?.exitCode).not.toBe(0);
    expect(foreign?.output).toBe("");
  });
});
