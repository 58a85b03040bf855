import { expect, it } from "vitest";
import { readPhase } from "./phases.ts";

it.each([
  [
    "0.00.070.164 I srv    load_model: loading model '/models/blobs/sha256-b1'",
    { phase: "weights" },
  ],
  [
    "0.00.360.426 I srv    load_model: initializing, n_slots = 1, n_ctx_slot = 8192, kv_unified = 'false'",
    { phase: "context" },
  ],
  [
    "Loading safetensors checkpoint shards:  50% Completed | 1/2 [00:00<00:00,  2.50it/s]",
    { phase: "weights", fraction: 0.5 },
  ],
  [
    "INFO 11-25 11:00:00 [gpu_model_runner.py:2392] Starting to load model /model...",
    { phase: "weights" },
  ],
  [
    "INFO 11-25 11:00:09 [backends.py:559] Dynamo bytecode transform time: 3.57 s",
    { phase: "compilation" },
  ],
  [
    "Capturing CUDA graphs (mixed prefill-decode, PIECEWISE):  30%|███       | 20/67",
    { phase: "graph capture", fraction: 0.3 },
  ],
  ["INFO [gpu_worker.py:298] Available KV cache memory: 12.54 GiB", { phase: "context" }],
  ["GET /health 200", undefined],
  ["", undefined],
])("%s", (line, expected) => {
  expect(readPhase(line)).toEqual(expected);
});
