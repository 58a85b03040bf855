import { LOG_LIMITS } from "./container-body.ts";
import type { ContainerSpec, DeviceRequest, Mount, NetworkSpec } from "./runtime.ts";

/** The same container as `createBody` makes, in Compose's words. Names, labels and networks are the file's own. */
export function composeService(
  spec: ContainerSpec,
  networks: Readonly<Record<string, object>>,
): Readonly<Record<string, unknown>> {
  return {
    image: spec.image,
    ...(spec.entrypoint === undefined ? {} : { entrypoint: spec.entrypoint }),
    ...(spec.command === undefined ? {} : { command: spec.command }),
    ...(Object.keys(spec.env).length === 0 ? {} : { environment: spec.env }),
    user: spec.user,
    networks,
    ...(spec.ports.length === 0
      ? {}
      : {
          ports: spec.ports.map((port) => `${port.hostIp}:${port.hostPort}:${port.containerPort}`),
        }),
    ...(spec.mounts.length === 0 ? {} : { volumes: spec.mounts.map(composeMount) }),
    tmpfs: Object.entries(spec.tmpfs).map(([path, options]) => `${path}:${options}`),
    cap_drop: ["ALL"],
    security_opt: ["no-new-privileges"],
    read_only: true,
    ipc: "private",
    pids_limit: spec.pidsLimit,
    ...(spec.memoryBytes === undefined
      ? {}
      : { mem_limit: spec.memoryBytes, memswap_limit: spec.memoryBytes }),
    ...(spec.shmBytes === undefined ? {} : { shm_size: spec.shmBytes }),
    stop_grace_period: `${spec.stopSeconds}s`,
    restart: spec.restart,
    dns: spec.dns,
    logging: { driver: "json-file", options: LOG_LIMITS },
  };
}

export function composeNetwork(spec: NetworkSpec): Readonly<Record<string, unknown>> {
  return {
    driver: "bridge",
    ...(spec.internal ? { internal: true } : {}),
    enable_ipv6: false,
    ...(Object.keys(spec.options).length === 0 ? {} : { driver_opts: spec.options }),
  };
}

/** A reservation of devices, as `deploy.resources.reservations.devices` lists it. */
export function composeDevice({
  driver,
  ids,
}: Extract<DeviceRequest, { readonly driver: "nvidia" | "cdi" }>): Readonly<
  Record<string, unknown>
> {
  return {
    driver,
    ...(ids === "all" ? { count: "all" } : { device_ids: ids }),
    capabilities: ["gpu"],
  };
}

function composeMount(mount: Mount): Readonly<Record<string, unknown>> {
  const base = {
    type: mount.kind,
    source: mount.source,
    target: mount.target,
    read_only: mount.readOnly,
  };
  // A mistyped folder must be an error, not a new folder of root's.
  return mount.kind === "bind" ? { ...base, bind: { create_host_path: false } } : base;
}
