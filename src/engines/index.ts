import { embedded } from "./embedded.ts";
import type { Engine } from "./engine.ts";
import { llamacpp } from "./llamacpp.ts";
import { ollama } from "./ollama.ts";
import { sglang } from "./sglang.ts";
import { vllm } from "./vllm.ts";

/** All engines. Adding one is one new file and one line here. */
export const ENGINES = {
  embedded,
  llamacpp,
  ollama,
  sglang,
  vllm,
} as const satisfies Record<string, Engine>;
