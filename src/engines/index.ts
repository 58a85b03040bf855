import { embedded } from "./embedded.ts";
import type { ContainerEngine, Engine } from "./engine.ts";
import { llamacpp } from "./llamacpp.ts";
import { lmstudio } from "./lmstudio.ts";
import { ollama } from "./ollama.ts";
import { openai } from "./openai.ts";
import { sglang } from "./sglang.ts";
import { vllm } from "./vllm.ts";

/** All engines. Adding one is one new file and one line here. */
export const ENGINES = {
  embedded,
  llamacpp,
  lmstudio,
  ollama,
  openai,
  sglang,
  vllm,
} as const satisfies Record<string, Engine>;

/** Those that run in containers. */
export function containerEngines(): readonly ContainerEngine[] {
  return Object.values(ENGINES).filter((engine) => engine.kind === "container");
}

/** The engine of that name; undefined for one that another version had. */
export function findEngine(name: string): Engine | undefined {
  const engines: Readonly<Record<string, Engine>> = ENGINES;
  return Object.hasOwn(engines, name) ? engines[name] : undefined;
}
