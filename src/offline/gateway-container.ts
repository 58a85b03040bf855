import type { ContainerFile, ContainerSpec } from "../docker/runtime.ts";
import type { ImageSource } from "../engines/engine.ts";
import { LABEL } from "../plan/labels.ts";
import { dockerNames } from "./names.ts";

/** The newest patch of the 3.0 line (kept until 2029) as Docker's official image, October 2026; or Debian 13's package, which keeps its number and takes the fixes, built here. */
export const GATEWAY_IMAGE = {
  repository: "haproxy",
  tag: "3.0.28",
  built: "stack/haproxy:3.0.11",
  recipe: "haproxy",
} as const satisfies ImageSource;

/** Numeric, so that no image needs an entry in its passwd: "nobody" of distroless images. */
export const UNPRIVILEGED = { uid: 65_532, gid: 65_532 } as const;

/** Port of the gateway inside its container: above 1024, it has no capabilities. */
export const GATEWAY_PORT = 8080;

const CONFIG_DIR = "/config";
const CONFIG_FILE = "haproxy.cfg";

/** 14 MiB were measured under load; the rest is for connections: two buffers of 16 KiB each, 512 of them. */
const MEMORY_BYTES = 64 * 1024 * 1024;

export interface GatewayInput {
  /** Name of the stack. */
  readonly stack: string;
  readonly engine: string;
  readonly image: string;
  /** Port on 127.0.0.1. */
  readonly hostPort: number;
  /** Further labels, such as the plan's hash. */
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * The only container with two homes: published on loopback on one side, the sealed network on the other. Its configuration
 * is put into the volume before the start (`gatewayFile`), so that no secret shows in `docker inspect`.
 */
export function gatewayContainer(input: GatewayInput): ContainerSpec {
  const names = dockerNames(input.stack);
  return {
    name: names.gateway,
    image: input.image,
    labels: {
      [LABEL.name]: input.stack,
      [LABEL.role]: "gateway",
      [LABEL.engine]: input.engine,
      ...input.labels,
    },
    entrypoint: ["haproxy", "-db", "-f", `${CONFIG_DIR}/${CONFIG_FILE}`],
    // An image's own default command would be taken for arguments.
    command: [],
    env: {},
    user: `${UNPRIVILEGED.uid}:${UNPRIVILEGED.gid}`,
    network: names.outer,
    extraNetworks: [names.sealed],
    networkAliases: [],
    ports: [{ hostIp: "127.0.0.1", hostPort: input.hostPort, containerPort: GATEWAY_PORT }],
    mounts: [
      {
        kind: "volume",
        source: names.gatewayVolume,
        target: CONFIG_DIR,
        readOnly: false,
        labels: { [LABEL.name]: input.stack },
      },
    ],
    tmpfs: { "/tmp": "size=1m,mode=1777" },
    memoryBytes: MEMORY_BYTES,
    pidsLimit: 16,
    shmBytes: undefined,
    stopSeconds: 2,
    restart: "unless-stopped",
    dns: ["127.0.0.1"],
    devices: [],
  };
}

/** Where and how the configuration goes: for `containers.putFiles` between create and start. */
export function gatewayFile(config: string): {
  readonly directory: string;
  readonly file: ContainerFile;
} {
  return {
    directory: CONFIG_DIR,
    file: { path: CONFIG_FILE, content: config, mode: 0o400, ...UNPRIVILEGED },
  };
}
