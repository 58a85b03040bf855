import { READERS } from "../models/formats.ts";
import type { StoredModel } from "../models/model.ts";
import { ENGINES } from "./index.ts";

/** Names of the engines that read this model and let tools reach it, each with the template that it uses for it. */
export function enginesWithTools(model: StoredModel): readonly string[] {
  return READERS[model.format].filter((name) => ENGINES[name].takesTools(model));
}
