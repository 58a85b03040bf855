import type { AdoptedEngine, FoundModel } from "../engines/engine.ts";
import { StackError } from "../errors.ts";
import { nearest } from "../models/nearest.ts";

/** Names of a list that an error shows. */
const SHOWN = 20;

/**
 * The model of a server that is there: the one that is named, else the only one that is loaded, else the only one.
 * `models` is undefined where the server tells none; then it must be named. Anything else is `USAGE` or `MODEL_UNAVAILABLE`.
 */
export function chooseModel(
  engine: AdoptedEngine,
  models: readonly FoundModel[] | undefined,
  named: string | undefined,
): string {
  if (models === undefined) {
    if (named !== undefined) return named;
    throw new StackError("USAGE", {
      what: `${engine.title} does not list its models here, so the model must be named.`,
      next: `stack up ${engine.name} --model <id>`,
    });
  }
  const chats = models.filter(({ chats }) => chats !== false);
  const ids = chats.map(({ id }) => id);
  if (named !== undefined) {
    const id = engine.modelId?.(named) ?? named;
    if (models.some((model) => model.id === id)) return id;
    throw missing(engine, id, ids);
  }
  const loaded = chats.filter(({ state }) => state === "loaded");
  const [only, ...others] = loaded.length === 1 ? loaded : chats;
  if (only !== undefined && others.length === 0) return only.id;
  if (only === undefined) throw none(engine);
  throw new StackError("USAGE", {
    what: `${engine.title} has ${ids.length} models, and none was named.`,
    next: `stack up ${engine.name} --model <one of these>`,
    detail: shown(ids),
  });
}

function missing(engine: AdoptedEngine, model: string, ids: readonly string[]): StackError {
  const near = nearest(model, ids);
  return new StackError("MODEL_UNAVAILABLE", {
    what: `${engine.title} has no model ${model}.`,
    why: near === undefined ? undefined : `Did you mean ${near}?`,
    next: engine.fetch?.(model) ?? `stack up ${engine.name} --model <one of these>`,
    detail: shown(ids),
  });
}

function none(engine: AdoptedEngine): StackError {
  return new StackError("MODEL_UNAVAILABLE", {
    what: `${engine.title} has no model that can chat.`,
    next: engine.fetch?.("<model>"),
  });
}

function shown(ids: readonly string[]): readonly string[] {
  const more = ids.length - SHOWN;
  return more > 0 ? [...ids.slice(0, SHOWN), `and ${more} more`] : ids;
}
