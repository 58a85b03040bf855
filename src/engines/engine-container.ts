import type { ContainerSpec, DeviceRequest } from "../docker/runtime.ts";
import { dockerNames, ENGINE_ALIAS } from "../offline/names.ts";
import { LABEL } from "../plan/labels.ts";
import type { ContainerEngine, EngineInput } from "./engine.ts";

export interface EngineContainerInput {
  /** Name of the stack. */
  readonly stack: string;
  readonly engine: ContainerEngine;
  readonly told: EngineInput;
  readonly image: string;
  /** `uid:gid`; it must be able to read the store. */
  readonly user: string;
  readonly memoryBytes: number | undefined;
  readonly devices: readonly DeviceRequest[];
  /** Further labels, such as the plan's hash. */
  readonly labels: Readonly<Record<string, string>>;
}

/** Threads and processes on any machine: llama.cpp starts one per core and Go some more; a fork bomb is stopped. */
const PIDS = 1024;
/** Python's engines have processes for server, core, tokenizer and its opposite, and one for each GPU. */
const PROCESSES = 4;
/** Each with a pool of a thread per processor, of OpenBLAS and of PyTorch. */
const POOLS = 2;
/** Of a machine that is not known. */
const MANY_CPUS = 128;

interface ThreadUsers {
  readonly cpus?: number | undefined;
  readonly gpus?: { readonly given: number } | undefined;
}

/** The engine's container: on the sealed network and no other, without published ports, its models read-only. */
export function engineContainer(input: EngineContainerInput): ContainerSpec {
  const names = dockerNames(input.stack);
  const own = input.engine.container(input.told);
  return {
    shmBytes: undefined,
    ...own,
    name: names.engine,
    image: input.image,
    labels: {
      [LABEL.name]: input.stack,
      [LABEL.role]: "engine",
      [LABEL.engine]: input.engine.name,
      ...input.labels,
    },
    user: input.user,
    network: names.sealed,
    extraNetworks: [],
    networkAliases: [ENGINE_ALIAS],
    ports: [],
    memoryBytes: input.memoryBytes,
    pidsLimit: pidsLimit(input.told),
    stopSeconds: 10,
    restart: "unless-stopped",
    dns: ["127.0.0.1"],
    devices: input.devices,
  };
}

/** Threads and processes that an engine may have. */
export function pidsLimit({ cpus = MANY_CPUS, gpus }: ThreadUsers): number {
  return PIDS + POOLS * cpus * (PROCESSES + (gpus?.given ?? 0));
}
