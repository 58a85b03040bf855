import * as z from "zod";
import { type DaemonAddress, isLocal } from "./address.ts";
import { query } from "./ask.ts";
import type { DaemonFacts } from "./runtime.ts";
import type { Wire } from "./wire.ts";

const versionSchema = z.object({
  Version: z.string(),
  ApiVersion: z.string(),
  Components: z.array(z.object({ Name: z.string() })).nullish(),
});

const infoSchema = z.object({
  OSType: z.string().default("linux"),
  OperatingSystem: z.string().default(""),
  Architecture: z.string(),
  Driver: z.string().default(""),
  DockerRootDir: z.string().optional(),
  MemTotal: z.number().default(0),
  NCPU: z.number().default(0),
  CgroupVersion: z.string().optional(),
  SecurityOptions: z.array(z.string()).nullish(),
  Runtimes: z.record(z.string(), z.unknown()).nullish(),
  CDISpecDirs: z.array(z.string()).nullish(),
  DiscoveredDevices: z.array(z.object({ ID: z.string() })).nullish(),
});

/** First Engine that knows `gateway_mode=isolated`; older ones accept the option and ignore it (seen on 20.10.24). */
const GATEWAY_MODES_SINCE = 28;

/** Asks the daemon, once, for what it is and offers: two requests. */
export async function daemonFacts(
  wire: Wire,
  address: DaemonAddress,
  signal?: AbortSignal,
): Promise<DaemonFacts> {
  const [version, info] = await Promise.all([
    query(wire, "Asking the daemon for its version", versionSchema, {
      method: "GET",
      path: "/version",
      signal,
    }),
    query(wire, "Asking the daemon for its facts", infoSchema, {
      method: "GET",
      path: "/info",
      signal,
    }),
  ]);
  return toFacts(address, version, info);
}

/** Pure half of `daemonFacts`. */
function toFacts(
  address: DaemonAddress,
  version: z.infer<typeof versionSchema>,
  info: z.infer<typeof infoSchema>,
): DaemonFacts {
  const podman = version.Components?.some(({ Name }) => Name.startsWith("Podman")) ?? false;
  return {
    address: address.text,
    local: isLocal(address),
    product: podman ? "podman" : "docker",
    version: version.Version,
    apiVersion: version.ApiVersion,
    os: info.OperatingSystem === "" ? info.OSType : info.OperatingSystem,
    arch: info.Architecture,
    rootless: info.SecurityOptions?.some((option) => option.includes("name=rootless")) ?? false,
    cgroupVersion:
      info.CgroupVersion === "1" || info.CgroupVersion === "2" ? info.CgroupVersion : undefined,
    storageDriver: info.Driver,
    rootDir: info.DockerRootDir,
    memoryBytes: info.MemTotal,
    cpus: info.NCPU,
    isolatedNetworks: !podman,
    gatewayModes: !podman && Number.parseInt(version.Version, 10) >= GATEWAY_MODES_SINCE,
    runtimes: Object.keys(info.Runtimes ?? {}),
    cdiSpecDirs: info.CDISpecDirs ?? [],
    discoveredDevices: (info.DiscoveredDevices ?? []).map(({ ID }) => ID),
  };
}
