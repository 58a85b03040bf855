import type { ArgumentSpec } from "./command.ts";

/** Of `up` and `restart`. */
export const ENGINE_ARGUMENT: ArgumentSpec = {
  name: "engine",
  summary: "What serves the model; another way of writing --engine.",
  required: false,
  complete: "engines",
  setting: "engine",
};
