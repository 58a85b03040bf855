/** What an engine does before it can answer, in the order in which it happens. */
export type Phase = "weights" | "compilation" | "context" | "graph capture" | "warm-up";

export interface PhaseReading {
  readonly phase: Phase;
  /** From 0 to 1, where the line says how far it is. */
  readonly fraction?: number;
}

/**
 * By lines that llama-server, Ollama's runner, vLLM and SGLang write (read from their sources and logs).
 * A percentage that a pattern catches is the progress within the phase.
 */
const PATTERNS: readonly (readonly [Phase, RegExp])[] = [
  ["weights", /Loading \S+ checkpoint shards:\s+(\d+)%/],
  [
    "weights",
    /load_model: loading model|load_tensors: loading model tensors|llama_model_loader: loaded meta/,
  ],
  ["weights", /Starting to load model|Load weight begin|waiting for llama runner to start/],
  ["compilation", /torch\.compile|Compiling a graph|Dynamo bytecode transform|Inductor/],
  ["graph capture", /Capturing (?:CUDA|cuda)?\s?graphs?[^%]*?(\d+)%/i],
  ["graph capture", /Capture cuda graph begin|Capturing (?:CUDA|cuda) ?graphs?/i],
  [
    "context",
    /load_model: initializing|llama_context: constructing|llama_kv_cache|Available KV cache memory|KV cache size|KV Cache is allocated/,
  ],
  ["warm-up", /warming up the model|Warming up model|warmup/i],
];

/** Speaks of phases and begins none: what is switched off, and vLLM's list of its settings. */
const TALK = /\bdisabl(?:ed|ing)\b|with config: /i;

/** The phase that a line of an engine's log announces, if any. */
export function readPhase(line: string): PhaseReading | undefined {
  if (TALK.test(line)) return undefined;
  for (const [phase, pattern] of PATTERNS) {
    const caught = pattern.exec(line);
    if (caught === null) continue;
    return caught[1] === undefined ? { phase } : { phase, fraction: Number(caught[1]) / 100 };
  }
  return undefined;
}
