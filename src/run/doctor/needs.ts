import type { AdoptedEngine, Engine } from "../../engines/engine.ts";
import { findEngine } from "../../engines/index.ts";
import type { ModelReference } from "../../models/model.ts";
import { formatReference, parseReference } from "../../models/reference.ts";
import { inHubCache } from "../../models/sources/in-hub-cache.ts";
import { openStore } from "../../models/store.ts";
import type { Settings } from "../../plan/settings.ts";
import type { CheckWorld } from "./check.ts";

/** The engine that `stack up` would start; undefined for a server that is there already, and needs nothing of this machine. */
export function engineToStart({
  engine,
  adopt,
}: Pick<Settings, "engine" | "adopt">): Exclude<Engine, AdoptedEngine> | undefined {
  const found = findEngine(engine);
  return adopt || found?.kind === "adopted" ? undefined : found;
}

/** A model that `stack up` would take into the store. */
export interface WantedModel {
  readonly reference: ModelReference;
  /** False for a file, and what the Hub's own tools have fetched. */
  readonly fromNetwork: boolean;
}

/** Undefined where it is there in the form that the engine reads, or nobody needs one. */
export async function wantedModel(world: CheckWorld): Promise<WantedModel | undefined> {
  const engine = engineToStart(world.settings);
  if (engine === undefined) return undefined;
  const format = engine.kind === "container" ? engine.format : "gguf";
  try {
    const reference = parseReference(world.settings.model);
    const stored = await openStore(world).find(reference, format);
    world.emit({
      type: "debug",
      message: `${formatReference(reference)} is ${stored === undefined ? "not " : ""}in the store as ${format}`,
    });
    if (stored !== undefined) return undefined;
    const here =
      reference.scheme === "file" ||
      (reference.scheme === "hf" && (await inHubCache(world.host, reference, format)));
    return { reference, fromNetwork: !here };
  } catch {
    // What is wrong with its name, `up` says.
    return undefined;
  }
}
