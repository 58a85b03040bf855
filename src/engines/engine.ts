import type { ContainerSpec } from "../docker/runtime.ts";
import type { StackError } from "../errors.ts";
import type { LateProbe, Probe, ProbeAnswer, ProbeRequest } from "../gate/probe.ts";
import type { StoredModel } from "../models/model.ts";
import type { GpuShareSource } from "../plan/gpu/share.ts";
import type { SecurityFloor } from "../plan/security-floor.ts";

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
  /** Of the GPUs that its container is given, for engines that must be told how to use them. */
  readonly gpus?: GpuLayout | undefined;
}

/** How an engine that gives each GPU an equal part uses those that it is given. */
export interface GpuLayout {
  readonly given: number;
  /** Over how many of them the model can be spread; the first ones. */
  readonly used: number;
  /** Part of the whole memory of each that is free for the engine, from 0 to 1; undefined where they do not say. */
  readonly memoryShare: number | undefined;
}

/** What an engine computes on. */
export type Accelerator = "cpu" | "cuda" | "rocm" | "vulkan";

interface EngineBase {
  readonly name: string;
  /** As its project writes it. */
  readonly title: string;
  /** The questions that the gate asks, lowest rung first. */
  readonly probes: (input: EngineInput) => readonly Probe[];
  /** Whether a request with tools reaches the model, with the template that this engine uses for it. */
  readonly takesTools: (model: StoredModel) => boolean;
  /** It is known to cut a prompt that is too long without a word. */
  readonly truncates?: boolean;
  /** It serves no more tokens than a model was trained for, whatever it is asked. */
  readonly capsAtTraining?: boolean;
  /** A line of its log after which it never answers, where its process lives on for a while. */
  readonly givesUp?: RegExp;
}

/** Runs in a container on the sealed network, behind the gateway. */
export interface ContainerEngine extends EngineBase {
  readonly kind: "container";
  /** What takes its place under `--adopt`: one that runs on this machine already. */
  readonly adopted?: AdoptedEngine;
  /** Port inside the container. */
  readonly port: number;
  readonly image: ImageSource;
  /** Images for one accelerator each, by exact version tag; without an entry, `image` serves it too. */
  readonly acceleratedImages?: Readonly<Partial<Record<Accelerator, ImageTag>>>;
  /** Where it tells how much of the model is on the GPU. */
  readonly gpuShare?: GpuShareSource;
  /** The model's name as this engine takes it, where it does not take every one. */
  readonly servedName?: (name: string) => string;
  /** What it reads. */
  readonly format: "gguf" | "safetensors";
  /** It reads how long an answer may be from the model's manifest (see `cappedManifests`), and from nowhere else. */
  readonly capsByManifest?: boolean;
  readonly securityFloor: SecurityFloor;
  /** What the gateway lets through; anything else is 404. */
  readonly paths: readonly PathRule[];
  /** Texts in the body of its 400 any of which means that the prompt was longer than the window: the gateway says that in OpenAI's words then. */
  readonly overflowMarks?: readonly string[];
  /** Why it can't answer with this model, where the model's files tell that before anything is started. */
  readonly unservable?: (input: EngineInput) => StackError | undefined;
  /** What a user should know of how it serves this model. */
  readonly warnings?: (input: EngineInput) => readonly string[];
  readonly container: (
    input: EngineInput,
  ) => Pick<ContainerSpec, "env" | "mounts" | "tmpfs"> &
    Partial<Pick<ContainerSpec, "entrypoint" | "command" | "shmBytes">>;
}

export interface ImageTag {
  readonly repository: string;
  /** Exact version tag. */
  readonly tag: string;
  /** Major version of the CUDA that it is built for, where its project says so. */
  readonly cuda?: number;
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

/** A server that is there already: found, asked, described to agents; never started or stopped. */
export interface AdoptedEngine {
  readonly kind: "adopted";
  readonly name: string;
  readonly title: string;
  /** Its base when no URL is given; undefined where one must be. */
  readonly home: (env: Readonly<Record<string, string | undefined>>) => string | undefined;
  /** The command that makes it answer, where there is one. */
  readonly start?: string;
  /** The command that shows its log, where there is one. */
  readonly log?: string;
  /** The command that fetches a model which it has not. */
  readonly fetch?: (model: string) => string;
  /** The id to look for when `--model` says this. */
  readonly modelId?: (text: string) => string;
  /** Asked one after the other until one knows the models. */
  readonly lists: readonly ListQuestion[];
  /** Its ladder up to `first-token`, and what it can be asked about the window after that. */
  readonly probes: (input: AdoptedInput) => readonly (Probe | LateProbe)[];
  /** How a model is loaded with a window of a chosen size, where that can be done from outside. */
  readonly loading?: ModelLoading;
  /** It is known to cut a prompt that is too long without a word. */
  readonly truncates?: boolean;
  /** What a user should know of it in any case. */
  readonly warnings: (found: {
    readonly key: boolean;
    readonly window: number;
    readonly wanted: number;
  }) => readonly string[];
}

export interface AdoptedInput {
  readonly model: string;
  /** Whether the server lists its models at all. */
  readonly lists: boolean;
}

export interface ListQuestion {
  readonly path: string;
  /** Undefined when this is no list that can be read. */
  readonly read: (answer: ProbeAnswer) => readonly FoundModel[] | undefined;
}

/** A model as a server that is there describes it. */
export interface FoundModel {
  readonly id: string;
  /** Tokens of one conversation as it is served now. */
  readonly context?: number | undefined;
  /** Most tokens that it may be loaded with. */
  readonly maximum?: number | undefined;
  /** Undefined where the server does not tell. */
  readonly state?: "loaded" | "loading" | "not-loaded" | undefined;
  /** What the server says that it is, as the name of an engine of ours. */
  readonly software?: string | undefined;
  /** False for what only makes embeddings. */
  readonly chats?: boolean | undefined;
}

export interface ModelLoading {
  /** Without a context, with as much as the server gives by itself. */
  readonly load: (model: string, context: number | undefined) => ProbeRequest;
  readonly unload: (instance: string) => ProbeRequest;
  /** The id under which it is served now. Undefined: it was not loaded. */
  readonly loadedAs: (answer: ProbeAnswer) => string | undefined;
  /** The same as commands, for versions without that API. */
  readonly loadCommand: (model: string, context: number | undefined) => readonly string[];
  readonly unloadCommand: (instance: string) => readonly string[];
}

export type Engine = ContainerEngine | ProcessEngine | AdoptedEngine;
