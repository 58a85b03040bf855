import { Agent } from "node:https";
import { unreachable } from "../errors.ts";
import type { Host } from "../host/host.ts";
import type { DaemonAddress } from "./address.ts";
import { knownHostKeys } from "./ssh-host-keys.ts";
import { type Modem, modemWire, type Wire } from "./wire.ts";

/** Opens the way to `address`. `apiVersion` (`1.41`) prefixes every path; without it the daemon takes its newest. */
export async function openWire(
  host: Host,
  address: DaemonAddress,
  apiVersion: string | undefined,
): Promise<Wire> {
  // dockerode takes 70 to 120 ms to load: only commands that need the daemon pay for it.
  const [{ default: Docker }, options] = await Promise.all([
    import("dockerode"),
    modemOptions(host, address),
  ]);
  const version = apiVersion === undefined ? {} : { version: `v${apiVersion}` };
  const { modem } = new Docker({ ...NOTHING_FROM_THE_ENVIRONMENT, ...options, ...version });
  return modemWire(modem as Modem);
}

/** The modem reads DOCKER_HOST by itself, also when told another address; `connect` has read it already. */
const NOTHING_FROM_THE_ENVIRONMENT = {
  socketPath: undefined,
  host: undefined,
  port: undefined,
  ca: undefined,
  cert: undefined,
  key: undefined,
  timeout: undefined,
};

async function modemOptions(host: Host, address: DaemonAddress): Promise<object> {
  switch (address.kind) {
    case "socket":
      return { socketPath: address.path, protocol: "http" };
    case "tcp":
      return tcpOptions(address);
    case "ssh":
      return sshOptions(host, address);
    default:
      return unreachable(address);
  }
}

function tcpOptions({ host, port, tls }: Extract<DaemonAddress, { kind: "tcp" }>): object {
  const base = { host, port, pathPrefix: "/" };
  if (tls === undefined) return { ...base, protocol: "http" };
  const { ca, cert, key, verify } = tls;
  const trust = verify ? {} : { agent: new Agent({ rejectUnauthorized: false }) };
  return { ...base, protocol: "https", ca, cert, key, ...trust };
}

async function sshOptions(
  host: Host,
  address: Extract<DaemonAddress, { kind: "ssh" }>,
): Promise<object> {
  const keys = await knownHostKeys(host, address);
  return {
    protocol: "ssh",
    host: address.host,
    port: address.port,
    username: address.user ?? host.env["USER"],
    sshOptions: {
      agent: host.env["SSH_AUTH_SOCK"],
      // Left out, any server would be believed.
      hostVerifier: (key: Buffer) => keys.includes(key.toString("base64")),
    },
  };
}
