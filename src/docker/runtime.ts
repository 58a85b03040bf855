import type { Progress } from "../events.ts";

/** A container daemon (Docker, rootless Docker, Podman's socket), one client per noun. The only implementation is `connect()` in this folder; fakes speak the wire instead. */
export interface Runtime {
  /** How it was reached, such as `unix:///var/run/docker.sock`. */
  readonly address: string;
  facts(signal?: AbortSignal): Promise<DaemonFacts>;
  readonly images: Images;
  readonly containers: Containers;
  readonly networks: Networks;
  readonly volumes: Volumes;
}

/** What this daemon really offers. */
export interface DaemonFacts {
  readonly address: string;
  /** False for `ssh://`, `tcp://` to another machine: host paths cannot be mounted there. */
  readonly local: boolean;
  readonly product: "docker" | "podman";
  readonly version: string;
  readonly apiVersion: string;
  readonly os: string;
  readonly arch: string;
  readonly rootless: boolean;
  readonly cgroupVersion: "1" | "2" | undefined;
  readonly storageDriver: string;
  /** Where it keeps images, on its own machine; undefined when it does not say. */
  readonly rootDir?: string | undefined;
  /** Memory and processors of the machine (or VM) that the daemon runs on. */
  readonly memoryBytes: number;
  readonly cpus: number;
  /** A network can be made on which the host itself is out of reach. */
  readonly isolatedNetworks: boolean;
  /** It knows `gateway_mode=isolated` for that (Engine 28 and newer); older Engines leave the bridge without an address. */
  readonly gatewayModes: boolean;
  readonly runtimes: readonly string[];
  readonly cdiSpecDirs: readonly string[];
  readonly discoveredDevices: readonly string[];
}

interface ImageFacts {
  /** Config digest, `sha256:…`: the image id. */
  readonly id: string;
  /** Registry manifest digests, `name@sha256:…`; empty for an image that was built or imported here. */
  readonly repoDigests: readonly string[];
  readonly bytes: number;
  readonly labels: Readonly<Record<string, string>>;
}

export interface ImageBuild {
  readonly tag: string;
  /** What the Dockerfile sees, itself included. */
  readonly context: readonly BuildFile[];
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly onLine: (line: string) => void;
  readonly signal: AbortSignal;
}

/** A file of a build context: its text, or the path of a file on this machine. */
export type BuildFile =
  | { readonly name: string; readonly content: string }
  | { readonly name: string; readonly file: string };

export interface Images {
  /** Undefined when the daemon does not have it. */
  inspect(reference: string, signal?: AbortSignal): Promise<ImageFacts | undefined>;
  /** Pulls by exact reference. In-stream errors are errors (`IMAGE_UNAVAILABLE`). */
  pull(
    reference: string,
    options: { readonly onProgress: (progress: Progress) => void; readonly signal: AbortSignal },
  ): Promise<void>;
  /** Builds with the classic builder, which every supported daemon has without a plugin. A step that fails is `IMAGE_UNAVAILABLE` with the last lines. */
  build(options: ImageBuild): Promise<void>;
  list(
    signal?: AbortSignal,
  ): Promise<
    readonly { readonly tags: readonly string[]; readonly id: string; readonly bytes: number }[]
  >;
}

/** A container as we want it. One value feeds the daemon's API and `compose/*.yaml`. */
export interface ContainerSpec {
  readonly name: string;
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** `uid:gid`, never root. */
  readonly user: string;
  /** Network joined at creation. */
  readonly network: string;
  /** Networks joined after creation and before start. */
  readonly extraNetworks: readonly string[];
  readonly networkAliases: readonly string[];
  readonly ports: readonly PublishedPort[];
  readonly mounts: readonly Mount[];
  /** Path → options, such as `size=64m,mode=1777`. */
  readonly tmpfs: Readonly<Record<string, string>>;
  readonly memoryBytes: number | undefined;
  readonly pidsLimit: number;
  readonly shmBytes: number | undefined;
  /** Seconds between SIGTERM and SIGKILL. */
  readonly stopSeconds: number;
  readonly restart: "no" | "unless-stopped";
  /** Name servers; `["127.0.0.1"]` is a dead end on purpose. */
  readonly dns: readonly string[];
  readonly devices: readonly DeviceRequest[];
}

interface PublishedPort {
  readonly hostIp: string;
  readonly hostPort: number;
  readonly containerPort: number;
}

export type Mount =
  | {
      readonly kind: "bind";
      readonly source: string;
      readonly target: string;
      readonly readOnly: boolean;
    }
  | {
      readonly kind: "volume";
      readonly source: string;
      readonly target: string;
      readonly readOnly: boolean;
      readonly labels: Readonly<Record<string, string>>;
    };

/** A way to a GPU. */
export type DeviceRequest =
  /** Names of devices in full, such as `nvidia.com/gpu=all`. */
  | { readonly driver: "cdi"; readonly ids: readonly string[] }
  /** The daemon's own `--gpus`: it needs the toolkit's hook, which it looks for when it starts. */
  | { readonly driver: "nvidia"; readonly ids: readonly string[] | "all" }
  /** The runtime named `nvidia`, which learns from the environment what it is to add. */
  | { readonly driver: "nvidia-runtime"; readonly ids: readonly string[] | "all" }
  /** Device nodes of the daemon's machine, and the numeric groups that may use them. */
  | {
      readonly driver: "nodes";
      readonly paths: readonly string[];
      readonly groups: readonly number[];
    };

export interface ContainerFacts {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly image: string;
  readonly imageId: string;
  readonly state: "created" | "running" | "paused" | "restarting" | "removing" | "exited" | "dead";
  readonly exitCode: number | undefined;
  readonly oomKilled: boolean;
  readonly startedAt: string | undefined;
  /** The daemon's own words when it could not start the container. */
  readonly error: string | undefined;
  readonly ports: readonly PublishedPort[];
  readonly networks: Readonly<Record<string, { readonly ip: string; readonly gateway: string }>>;
}

export interface ContainerExit {
  readonly exitCode: number;
  readonly oomKilled: boolean;
}

export interface ContainerFile {
  readonly path: string;
  readonly content: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

export interface Containers {
  /** Containers that carry all these labels, running or not. An empty value matches any. */
  list(
    labels: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<readonly ContainerFacts[]>;
  inspect(id: string, signal?: AbortSignal): Promise<ContainerFacts | undefined>;
  /** Resolves to the new id. A name that is taken is `CONFLICT`, an unknown image `IMAGE_UNAVAILABLE`. */
  create(spec: ContainerSpec, signal?: AbortSignal): Promise<string>;
  /** Writes files into a volume of a created container: works for remote and rootless daemons too. */
  putFiles(
    id: string,
    directory: string,
    files: readonly ContainerFile[],
    signal?: AbortSignal,
  ): Promise<void>;
  /** A host port that is taken is `PORT_BUSY`. */
  start(id: string, signal?: AbortSignal): Promise<void>;
  /** Removes it by force, with its anonymous volumes. Not there is fine. */
  remove(id: string, signal?: AbortSignal): Promise<void>;
  /** Resolves when the container ends. */
  waitExit(id: string, signal: AbortSignal): Promise<ContainerExit>;
  /** Bytes of the machine's memory that would be free without it; undefined where it does not run, or nobody says. */
  memory(id: string, signal?: AbortSignal): Promise<number | undefined>;
  /** The first `lines` lines since `startedAt`, stdout and stderr in order. */
  head(
    id: string,
    lines: number,
    options: { readonly startedAt: string | undefined; readonly signal: AbortSignal },
  ): Promise<readonly string[]>;
  /** The last `tail` lines, of those since `startedAt`; stdout and stderr in order. */
  tail(
    id: string,
    tail: number,
    options?: { readonly startedAt?: string | undefined; readonly signal?: AbortSignal },
  ): Promise<readonly string[]>;
  follow(
    id: string,
    options: {
      readonly tail: number;
      readonly startedAt?: string | undefined;
      readonly signal: AbortSignal;
      readonly onLine: (line: string) => void;
    },
  ): Promise<void>;
  exec(
    id: string,
    command: readonly string[],
    signal?: AbortSignal,
  ): Promise<{ readonly exitCode: number; readonly output: string }>;
}

export interface NetworkSpec {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly internal: boolean;
  /** Driver options, such as `com.docker.network.bridge.gateway_mode_ipv4`. */
  readonly options: Readonly<Record<string, string>>;
}

export interface NetworkFacts {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly internal: boolean;
  /** The bridge's own address on this network; empty when it has none (isolated). */
  readonly gateways: readonly string[];
  readonly options: Readonly<Record<string, string>>;
}

export interface Networks {
  list(
    labels: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<readonly NetworkFacts[]>;
  create(spec: NetworkSpec, signal?: AbortSignal): Promise<string>;
  remove(id: string, signal?: AbortSignal): Promise<void>;
}

export interface Volumes {
  list(labels: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<readonly string[]>;
  remove(name: string, signal?: AbortSignal): Promise<void>;
}
