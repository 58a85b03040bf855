import { formatReadBy } from "../models/formats.ts";
import type { ModelFormat } from "../models/model.ts";
import type { ResolvedSettings } from "./settings.ts";

/** What the engine of the settings reads. Undefined where nobody named one, and for those that are adopted and keep their own models. */
export function namedFormat({
  values,
  origins,
}: Pick<ResolvedSettings, "values" | "origins">): ModelFormat | undefined {
  return origins.engine.kind === "default" ? undefined : formatReadBy(values.engine);
}
