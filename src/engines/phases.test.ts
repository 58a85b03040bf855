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
  [
    "INFO 11-25 13:07:01 [kv_cache_utils.py:2327] CPU KV cache size: 430,720 tokens",
    { phase: "context" },
  ],
  // vLLM 0.32.0, told --enforce-eager.
  [
    "WARNING 11-25 13:15:59 [vllm.py:1703] Enforce eager set, disabling torch.compile, CUDAGraphs, and JIT kernel warmup.",
    undefined,
  ],
  [
    "WARNING 11-25 13:15:59 [vllm.py:1727] Inductor compilation was disabled by user settings, optimizations settings that are only active during inductor compilation will be ignored.",
    undefined,
  ],
  [
    "INFO 11-25 13:16:09 [core.py:133] Initializing a V1 LLM engine (v0.32.0) with config: model='/m', kernel_config=KernelConfig(enable_jit_warmup=False)",
    undefined,
  ],
  ["GET /health 200", undefined],
  ["", undefined],
])("%s", (line, expected) => {
  expect(readPhase(line)).toEqual(expected);
});
