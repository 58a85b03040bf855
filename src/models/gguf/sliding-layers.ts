import type { ArchitectureMetadata } from "./architecture-metadata.ts";

interface Pattern {
  /** Every so-many-th layer looks at all tokens. */
  readonly period: number;
  /** That is the first of them, not the last. */
  readonly fullFirst?: true;
}

/** What llama.cpp has built in for files that do not say it: the calls of `set_swa_pattern` in src/models/*.cpp (release 0.7.0). */
const BUILT_IN: Readonly<Record<string, Pattern>> = {
  afmoe: { period: 4 },
  cohere2: { period: 4 },
  exaone4: { period: 4 },
  "exaone-moe": { period: 4 },
  gemma2: { period: 2 },
  gemma3: { period: 6 },
  gemma3n: { period: 5 },
  "gpt-oss": { period: 2 },
  // Ollama's name for it (model/models/gptoss/model.go): the even layers.
  gptoss: { period: 2 },
  llama4: { period: 4 },
  olmo2: { period: 4 },
  plamo3: { period: 8 },
  smallthinker: { period: 4, fullFirst: true },
};

/**
 * Which layers look back at a window only. An architecture that is not known here and says nothing counts as looking at
 * everything: llama.cpp ignores the window of such (phi3, qwen2), and too much memory is the safe error.
 */
export function slidingLayers(facts: ArchitectureMetadata): readonly boolean[] {
  const key = "attention.sliding_window_pattern";
  const said = facts.flags(key);
  // A list shorter than the layers is repeated.
  if (said !== undefined && said.length > 0) {
    return Array.from({ length: facts.layers }, (_, layer) => said[layer % said.length] === true);
  }
  const builtIn = BUILT_IN[facts.architecture];
  const period = facts.number(key) ?? builtIn?.period ?? 1;
  return Array.from({ length: facts.layers }, (_, layer) => {
    if (period === 0) return true;
    return builtIn?.fullFirst === true ? layer % period !== 0 : layer % period < period - 1;
  });
}
