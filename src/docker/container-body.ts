import type { ContainerSpec, DeviceRequest, Mount } from "./runtime.ts";

/** Log files of a container: at most 3 of 10 MB, so that a chatty engine cannot fill the disk. */
export const LOG_LIMITS = { "max-size": "10m", "max-file": "3" } as const;

/**
 * The body of `POST /containers/create` for a spec. Hardening is no option: every container of ours has it.
 * Several networks in one request need API 1.44; below that only the first is given here and the others are connected after.
 */
export function createBody(spec: ContainerSpec, manyNetworks: boolean): object {
  const gpu = gpuBody(spec.devices);
  const joined = manyNetworks ? [spec.network, ...spec.extraNetworks] : [spec.network];
  return {
    Image: spec.image,
    Labels: spec.labels,
    Entrypoint: spec.entrypoint,
    Cmd: spec.command,
    Env: Object.entries({ ...spec.env, ...gpu.env }).map(([key, value]) => `${key}=${value}`),
    User: spec.user,
    ExposedPorts: Object.fromEntries(spec.ports.map((port) => [`${port.containerPort}/tcp`, {}])),
    StopTimeout: spec.stopSeconds,
    Tty: false,
    OpenStdin: false,
    HostConfig: {
      NetworkMode: spec.network,
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges"],
      ReadonlyRootfs: true,
      Privileged: false,
      IpcMode: "private",
      PidsLimit: spec.pidsLimit,
      // Swap would let a container that is over its limit drag the whole machine down with it.
      ...(spec.memoryBytes === undefined
        ? {}
        : { Memory: spec.memoryBytes, MemorySwap: spec.memoryBytes }),
      ShmSize: spec.shmBytes,
      Tmpfs: spec.tmpfs,
      Mounts: spec.mounts.map(mountBody),
      PortBindings: Object.fromEntries(
        spec.ports.map((port) => [
          `${port.containerPort}/tcp`,
          [{ HostIp: port.hostIp, HostPort: `${port.hostPort}` }],
        ]),
      ),
      RestartPolicy: { Name: spec.restart },
      LogConfig: { Type: "json-file", Config: LOG_LIMITS },
      Dns: spec.dns,
      ...gpu.hostConfig,
    },
    NetworkingConfig: {
      EndpointsConfig: Object.fromEntries(
        joined.map((network) => [
          network,
          network === spec.network ? { Aliases: spec.networkAliases } : {},
        ]),
      ),
    },
  };
}

function mountBody(mount: Mount): object {
  const base = { Source: mount.source, Target: mount.target, ReadOnly: mount.readOnly };
  // `Mounts`, not `Binds`: a source that does not exist is an error there, not a new folder of root's.
  if (mount.kind === "bind") return { Type: "bind", ...base };
  return { Type: "volume", ...base, VolumeOptions: { NoCopy: true, Labels: mount.labels } };
}

/** What the ways to a GPU put into a container's configuration. */
function gpuBody(devices: readonly DeviceRequest[]): {
  readonly env: Readonly<Record<string, string>>;
  readonly hostConfig: object;
} {
  const of = <D extends DeviceRequest["driver"]>(
    driver: D,
  ): readonly Extract<DeviceRequest, { readonly driver: D }>[] =>
    devices.filter(
      (each): each is Extract<DeviceRequest, { readonly driver: D }> => each.driver === driver,
    );
  const runtime = of("nvidia-runtime");
  const nodes = of("nodes");
  const groups = nodes.flatMap((each) => each.groups.map(String));
  return {
    // NVIDIA's names: what the runtime adds, and which parts of the driver. `utility` is nvidia-smi.
    env: Object.assign(
      {},
      ...runtime.map(({ ids }) => ({
        NVIDIA_VISIBLE_DEVICES: ids === "all" ? "all" : ids.join(","),
        NVIDIA_DRIVER_CAPABILITIES: "compute,utility",
      })),
    ),
    hostConfig: {
      DeviceRequests: [
        ...of("cdi").map(({ ids }) => ({ Driver: "cdi", DeviceIDs: ids })),
        ...of("nvidia").map(({ ids }) => ({
          Driver: "nvidia",
          ...(ids === "all" ? { Count: -1 } : { DeviceIDs: ids }),
          Capabilities: [["gpu"]],
        })),
      ],
      ...(runtime.length > 0 ? { Runtime: "nvidia" } : {}),
      ...(nodes.length > 0
        ? {
            Devices: nodes
              .flatMap(({ paths }) => paths)
              .map((path) => ({
                PathOnHost: path,
                PathInContainer: path,
                CgroupPermissions: "rw",
              })),
          }
        : {}),
      ...(groups.length > 0 ? { GroupAdd: groups } : {}),
    },
  };
}
