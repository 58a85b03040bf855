import { createHash } from "node:crypto";
import type { ContainerEngine, EngineInput, GpuLayout } from "../engines/engine.ts";
import { containerWeightsPath } from "../engines/store-mount.ts";
import type { StoredModel } from "../models/model.ts";
import { type ContainerStackSpec, describeContainers } from "../plan/container-stack-spec.ts";
import { containerBudget, type ContainerMemory } from "../plan/fit/container-budget.ts";
import { engineMemory } from "../plan/fit/engine-memory.ts";
import { tokenBytes } from "../plan/fit/kv-cache.ts";
import type { DeviceMemory } from "../plan/gpu/free-bytes.ts";
import { gpuLayout, layoutText } from "../plan/gpu/gpu-layout.ts";
import { LABEL } from "../plan/labels.ts";
import type { Settings } from "../plan/settings.ts";
import type { ContainerChoice } from "./container-choice.ts";
import type { ContainerWorld } from "./container-world.ts";
import { type StackFit, stackFit } from "./stack-fit.ts";
import type { StackImages } from "./stack-images.ts";

/** What hangs on memory: the context, and with it all that the engine is told. */
export interface ContainerShape {
  readonly fit: StackFit;
  readonly inputOf: (stored: StoredModel) => EngineInput & { readonly model: StoredModel };
  readonly describe: (made: {
    readonly stored: StoredModel;
    readonly images: StackImages;
    readonly port: number;
  }) => ContainerStackSpec;
}

export interface ShapeQuestion {
  readonly settings: Settings;
  readonly engine: ContainerEngine;
  readonly world: ContainerWorld;
  readonly choice: Pick<ContainerChoice, "gpu">;
  readonly memory: Pick<ContainerMemory, "host" | "heldBytes"> & {
    readonly gpus: readonly DeviceMemory[];
  };
  /** Of what runs: what was found by the memory that was free then, and is no reason to start anew. */
  readonly kept: {
    readonly context?: number | undefined;
    readonly layout?: GpuLayout | undefined;
  };
}

export function containerShape(question: ShapeQuestion): ContainerShape {
  const { settings, engine, world, choice, memory, kept } = question;
  const { gpu } = choice;
  const { daemon, model, store } = world;
  const { sharesEvenly } = engineMemory(engine.name);
  const fit = stackFit({
    settings: engine.capsAtTraining ? { ...settings, stretch: false } : settings,
    engine: engine.name,
    reference: model.reference,
    budget: containerBudget(
      {
        host: memory.host,
        daemonBytes: daemon.memoryBytes,
        heldBytes: memory.heldBytes,
        gpus: memory.gpus,
      },
      settings.memory,
    ),
    kept: kept.context,
  });
  const inputOf: ContainerShape["inputOf"] = (stored) => {
    const { window } = fit.of(stored);
    const shape = stored.facts.memory;
    return {
      model: stored,
      servedName: engine.servedName?.(stored.servedName) ?? stored.servedName,
      context: window.tokens,
      parallel: settings.parallel,
      kvType: settings.kvType,
      maxOutputTokens: window.maxOutputTokens,
      storeDir: store.root,
      extraArgs: settings.engineArgs,
      weightsPath: containerWeightsPath(stored),
      chatTemplate:
        stored.format === "safetensors" ? (stored.chatTemplate ?? undefined) : undefined,
      kvBytesPerToken: shape ? tokenBytes(shape, engineMemory(engine.name)) : undefined,
      cpus: daemon.cpus,
      accelerator: gpu.accelerator,
      gpus: sharesEvenly ? (kept.layout ?? gpuLayout(memory.gpus, shape ?? undefined)) : undefined,
    };
  };
  const keySha256 = createHash("sha256").update(world.apiKey).digest("hex");
  return {
    fit,
    inputOf,
    describe: ({ stored, images, port }) => {
      const input = inputOf(stored);
      const ofLayout =
        input.gpus === undefined ? {} : { [LABEL.gpuLayout]: layoutText(input.gpus) };
      return describeContainers({
        name: settings.name,
        engine,
        input,
        reference: model.reference,
        images,
        daemon,
        port,
        keySha256,
        memory: settings.memory,
        gpu: { devices: gpu.devices, labels: { ...gpu.labels, ...ofLayout } },
        foundContext: settings.context === "auto",
      });
    },
  };
}
