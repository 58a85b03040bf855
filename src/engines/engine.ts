import type { ContainerSpec } from "../docker/runtime.ts";
import type { Probe } from "../gate/probe.ts";
import type { StoredModel } from "../models/model.ts";

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
  /** Folder of the store on the daemon's machine. */
  readonly storeDir: string;
  /** Arguments after `--`. */
  readonly extraArgs: readonly string[];
}

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
  /** Oldest version without known holes, and where that is written. */
  readonly securityFloor: { readonly version: string; readonly source: string };
  /** What the gateway lets through; anything else is 404. */
  readonly paths: readonly PathRule[];
  readonly container: (
    input: EngineInput,
  ) => Pick<ContainerSpec, "env" | "mounts" | "tmpfs"> &
    Partial<Pick<ContainerSpec, "entrypoint" | "command" | "shmBytes">>;
}

/** Where an image comes from when none is named. */
export interface ImageSource {
  readonly repository: string;
  /** Exact version tag. */
  readonly tag: string;
  /** Name for `stack image build`. */
  readonly recipe: string;
  /** What that makes: taken where the image above is not here and this is. */
  readonly built: string;
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
