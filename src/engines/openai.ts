import { adoptedProbes } from "./adopted-probes.ts";
import type { AdoptedEngine } from "./engine.ts";
import { OPENAI_LIST } from "./model-lists.ts";

/** Any server that speaks OpenAI's API, on this machine or another, at the URL that is given. */
export const openai = {
  kind: "adopted",
  name: "openai",
  title: "OpenAI-compatible server",
  home: () => undefined,
  lists: [OPENAI_LIST],
  probes: adoptedProbes,
  warnings: () => [],
} as const satisfies AdoptedEngine;
