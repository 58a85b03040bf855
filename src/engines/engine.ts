import type { ContainerSpec } from "../docker/runtime.ts";
import type { Probe } from "../gate/probe.ts";
import type { StoredModel } from "../models/model.ts";
import type { GpuShareSource } from "../plan/gpu/share.ts";

/** What an engine is told when a plan is made. */
export interface EngineInput {
  /** Undefined while the model is still to be fetched. */
  readonly model: StoredModel | undefined;
  readonly servedName: string;
  /** Tokens of one conversation. */
  readonly context: number;
  /** Conversations served at the same time. */
  readonly parallel: number;
  readonly maxOutputTokens: number;
  /** How keys and values are kept; `f16` when nothing is said. */
  readonly kvType?: "f16" | "q8_0" | "q4_0" | undefined;
  /** Folder of the store on the daemon's machine. */
  readonly storeDir: string;
  /** Arguments after `--`. */
  readonly extraArgs: readonly string[];
  /** Where the weights lie inside the container: a GGUF, or the folder of a safetensors snapshot. Undefined for engines that find them by name. */
  readonly weightsPath?: string | undefined;
  /** The model's own chat template (Jinja), where it is known: for engines that must be told how its calls look. */
  readonly chatTemplate?: string | undefined;
  /** Bytes that keys and values of one token take, where they are known: for engines that must be told how much to reserve. */
  readonly kvBytesPerToken?: number | undefined;
  /** Processors of the machine that it runs on, where they are known. */
  readonly cpus?: number | undefined;
  /** What it computes on; `cpu` when nothing is said. */
  readonly accelerator?: Accelerator | undefined;
}

/** What an engine computes on. */
export type Accelerator = "cpu" | "cuda" | "rocm" | "vulkan";

interface EngineBase {
  readonly name: string;
  /** As its project writes it. */
  readonly title: string;
  /** The questions that the gate asks, lowest rung first. */
  readonly probes: (input: EngineInput) => readonly Probe[];
}

/** Runs in a container on the sealed network, behind the gateway. */
export interface ContainerEngine extends EngineBase {
  readonly kind: "container";
  /** Port inside the container. */
  readonly port: number;
  readonly image: ImageSource;
  /** Images for one accelerator each, by exact version tag; without an entry, `image` serves it too. */
  readonly acceleratedImages?: Readonly<Partial<Record<Accelerator, ImageTag>>>;
  /** Where it tells how much of the model is on the GPU. */
  readonly gpuShare?: GpuShareSource;
  /** What it reads. */
  readonly format: "gguf" | "safetensors";
  /** Oldest version without known holes, and where that is written. */
  readonly securityFloor: { readonly version: string; readonly source: string };
  /** What the gateway lets through; anything else is 404. */
  readonly paths: readonly PathRule[];
  /** A text in the body of its 400 that means the prompt was longer than the window: the gateway says that in OpenAI's words then. */
  readonly overflowMark?: string;
  /** Whether a request with tools reaches the model, with the template that this engine uses for it. */
  readonly takesTools: (model: StoredModel) => boolean;
  readonly container: (
    input: EngineInput,
  ) => Pick<ContainerSpec, "env" | "mounts" | "tmpfs"> &
    Partial<Pick<ContainerSpec, "entrypoint" | "command" | "shmBytes">>;
}

export interface ImageTag {
  readonly repository: string;
  /** Exact version tag. */
  readonly tag: string;
}

/** Where an image comes from when none is named. */
export interface ImageSource extends ImageTag {
  /** Name for `stack image build`; undefined where there is no recipe. */
  readonly recipe: string | undefined;
  /** What that makes: taken where the image above is not here and this is. */
  readonly built: string | undefined;
}

/** `exact` or everything below `prefix`. */
export type PathRule =
  | { readonly exact: string; readonly methods: readonly string[] }
  | { readonly prefix: string; readonly methods: readonly string[] };

/** Runs as a background process of ours. */
export interface ProcessEngine extends EngineBase {
  readonly kind: "process";
}

export type Engine = ContainerEngine | ProcessEngine;
