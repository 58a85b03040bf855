import { describe, expect, it } from "vitest";
import { causeLine, explainFailure, FAILURE_IDS } from "./failures.ts";

/** One log each, as engines wrote them: by running them, or in the public issue that is named. */
const SAMPLES: readonly (readonly [string, string, string])[] = [
  [
    "driver-too-old",
    "gpustack/gpustack#1254",
    "RuntimeError: Unexpected error from cudaGetDeviceCount(). Did you run some cuda functions before calling NumCudaDevices() that might have already set an error? Error 804: forward compatibility was attempted on non supported HW",
  ],
  [
    "driver-too-old",
    "lllyasviel/Fooocus#1313",
    "RuntimeError: The NVIDIA driver on your system is too old (found version 11040). Please update your GPU driver by downloading and installing a new version from the URL: http://www.nvidia.com/Download/index.aspx Alternatively, go to: https://pytorch.org to install a PyTorch version that has been compiled with your version of the CUDA driver.",
  ],
  [
    "gpu-memory-taken",
    "pytorch/pytorch#175666",
    "(EngineCore_DP0 pid=6940) ValueError: Free memory on device cuda:1 (19.77/22.05 GiB) on startup is less than desired GPU memory utilization (0.9, 19.84 GiB). Decrease GPU memory utilization or reduce GPU memory used by other processes.",
  ],
  [
    "gpu-memory-taken",
    "vLLM 0.9.2, ovg-project/kvcached#29",
    "ValueError: Free memory on device (59.32/79.15 GiB) on startup is less than desired GPU memory utilization (0.9, 71.24 GiB). Decrease GPU memory utilization or reduce GPU memory used by other processes.",
  ],
  [
    "no-room-for-cache",
    "vllm-project/vllm-omni#946",
    `(EngineCore_DP0 pid=6804)     raise ValueError(
(EngineCore_DP0 pid=6804) ValueError: No available memory for the cache blocks. Try increasing \`gpu_memory_utilization\` when initializing the engine. See https://docs.vllm.ai/en/latest/configuration/conserving_memory/ for more details.
Process SpawnProcess-1:`,
  ],
  [
    "no-room-for-cache",
    "sgl-project/sglang#4330",
    "RuntimeError: Not enough memory. Please try to increase --mem-fraction-static.",
  ],
  [
    "no-bfloat16",
    "substratusai/vllm-docker#37",
    "ValueError: Bfloat16 is only supported on GPUs with compute capability of at least 8.0. Your Tesla T4 GPU has compute capability 7.5. You can use float16 instead by explicitly setting the`dtype` flag in CLI, for example: --dtype=half.",
  ],
  [
    "context-above-training",
    "vllm-project/vllm#19660",
    `pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig
  Value error, User-specified max_model_len (513) is greater than the derived max_model_len (max_position_embeddings=512 or model_max_length=None in model's config.json). This may lead to incorrect model outputs or CUDA errors. To allow overriding this maximum, set the env var VLLM_ALLOW_LONG_MAX_MODEL_LEN=1 [type=value_error, input_va`,
  ],
  [
    "gpu-memory",
    "ggml-org/llama.cpp#20431",
    `load_tensors: loading model tensors, this can take a while... (mmap = true, direct_io = false)
ggml_backend_cuda_buffer_type_alloc_buffer: allocating 144817.04 MiB on device 0: cudaMalloc failed: out of memory
alloc_tensor_range: failed to allocate CUDA0 buffer of size 151851674624
llama_model_load: error loading model: unable to allocate CUDA0 buffer`,
  ],
  [
    // The lines below it say of buffers what they say of a host without memory.
    "gpu-memory",
    "ggml-org/llama.cpp#16725",
    `ggml_backend_cuda_buffer_type_alloc_buffer: allocating 14136.04 MiB on device 0: cudaMalloc failed: out of memory
ggml_gallocr_reserve_n: failed to allocate ROCm0 buffer of size 14822711296
graph_reserve: failed to allocate compute buffers
llama_init_from_model: failed to initialize the context: failed to allocate compute pp buffers
common_init_from_params: failed to create context with model 'models/large/Apertus-70B-Instruct-2509-IQ4_XS.gguf', try reducing --n-gpu-layers if you're running out of VRAM`,
  ],
  [
    "context-above-cache",
    "QwenLM/Qwen3#295",
    "ValueError: The model's max seq len (32768) is larger than the maximum number of tokens that can be stored in KV cache (7344). Try increasing `gpu_memory_utilization` or decreasing `max_model_len` when initializing the engine.",
  ],
  [
    "context-above-cache",
    "vLLM 0.32.0 for CPUs, given --kv-cache-memory-bytes 10000000",
    `(EngineCore pid=28) ERROR 11-25 13:16:24 [core.py:1510] EngineCore failed to start.
(EngineCore pid=28) ERROR 11-25 13:16:24 [core.py:1510] ValueError: To serve at least one request with the model's max seq len (8192), (0.18 GiB KV cache is needed, which is larger than the available KV cache memory (0.01 GiB). Based on the available memory, the estimated maximum model length is 256. Try increasing \`gpu_memory_utilization\` (which also controls CPU memory on the CPU backend) or decreasing \`max_model_len\` when initializing the engine.`,
  ],
  [
    "shared-memory",
    "NVIDIA/nccl#342",
    `include/shm.h:28 NCCL WARN Call to posix_fallocate failed: No space left on device
include/shm.h:48 NCCL WARN Error while creating shared memory segment nccl-shm-recv-250a7cc850ba9298-0-1-3 (size 9637888)`,
  ],
  [
    "runner-killed",
    "Ollama 0.17.4 in a container with a limit of 150 MB",
    `load_tensors:          CPU model buffer size =    92.10 MiB
time=2026-11-25T13:21:55.417Z level=INFO source=sched.go:518 msg="Load failed" model=/models/blobs/sha256-b179 error="llama runner process has terminated: signal: killed"
[GIN] 2026/11/25 - 13:21:55 | 500 |  404.605825ms |      172.20.0.2 | POST     "/api/generate"`,
  ],
  [
    "unknown-architecture",
    "ollama/ollama#12984",
    `llama_model_load: error loading model: error loading model architecture: unknown model architecture: 'pangu-embedded'
llama_model_load_from_file_impl: failed to load model`,
  ],
  [
    "unknown-architecture",
    "llama-server of Debian, given a model of the kind xlama",
    `0.00.096.561 E llama_model_load: error loading model: unknown model architecture: 'xlama'
0.00.097.080 E llama_model_load_from_file_impl: failed to load model
0.00.097.354 E common_fit_params: encountered an error while trying to fit params to free device memory: failed to load model`,
  ],
  [
    "unknown-architecture",
    "Ollama 0.17.4, given the same",
    `llama_model_load: error loading model: error loading model architecture: unknown model architecture: 'xlama'
llama_model_load_from_file_impl: failed to load model
time=2026-11-25T13:21:04.844Z level=INFO source=sched.go:473 msg="NewLlamaServer failed" model=/models/blobs/sha256-f7a1 error="unable to load model: /models/blobs/sha256-f7a1"
[GIN] 2026/11/25 - 13:21:04 | 500 |  103.824173ms |      172.18.0.2 | POST     "/api/generate"`,
  ],
  [
    "unknown-architecture",
    "vllm-project/vllm#9515",
    "ValueError: Model architectures ['LlamaForCausalLM'] are not supported for now. Supported architectures: ['AquilaModel', 'AquilaForCausalLM']",
  ],
  [
    "unknown-architecture",
    "vLLM 0.32.0, given a config.json that says FooForCausalLM",
    `pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig
  Value error, Model architectures ['FooForCausalLM'] are not supported for now. Supported architectures: dict_keys(['AfmoeForCausalLM', 'ApertusForCausalLM'])`,
  ],
  [
    "unknown-architecture",
    "vLLM 0.32.0, given a config.json with a model_type of its own",
    `pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig
  Value error, The checkpoint you are trying to load has model type \`pangu_embedded\` but Transformers does not recognize this architecture. This could be because of an issue with the checkpoint, or because your version of Transformers is out of date.`,
  ],
  [
    "unknown-architecture",
    "SGLang 0.5.21, given a config.json that says PanguForCausalLM",
    `  File "/opt/sglang/lib/python3.13/site-packages/sglang/srt/model_loader/utils.py", line 155, in resolve_transformers_arch
    raise ValueError(
ValueError: Cannot find model module. 'PanguForCausalLM' is not a registered model in the Transformers library (only relevant if the model is meant to be in Transformers) and 'AutoModel' is not present in the model config's 'auto_map' (relevant if the model is custom).`,
  ],
  [
    "no-chat-template",
    "vllm-project/vllm#29849; the same from 0.32.0, given a folder without a template",
    "ValueError: As of transformers v4.44, default chat template is no longer allowed, so you must provide a chat template if the tokenizer does not define one.",
  ],
  [
    "bad-chat-template",
    "llama-server of Debian, given a model whose template begins with {% fxr",
    `0.00.565.898 E common_chat_templates_init: error: Unknown statement: fxr
0.00.566.776 E common_chat_templates_init: failed to initialize chat template
0.00.567.280 E common_chat_templates_init: please consider disabling jinja via --no-jinja, or using another chat template
0.00.568.475 E srv          init: init: chat template parsing error: std::exception
0.00.569.290 I srv    operator(): operator(): cleaning up before exit...`,
  ],
  [
    "bad-chat-template",
    "the embedded engine, given the same",
    '{"time":"2026-11-25T13:22:55.400Z","level":"fatal","event":"fatal","code":"UNEXPECTED","message":"Unknown statement type: fxr"}',
  ],
  [
    "bad-chat-template",
    "llama-server of Debian, given --chat-template '{{ x }'",
    `0.00.011.405 E common_chat_templates_init: failed to initialize chat template
error: the supplied chat template is not supported: {{ x }`,
  ],
  [
    "gated-model",
    "ariG23498/gemma3-object-detection#5",
    `403 Client Error. (Request ID: Root=1-6824e511)
Cannot access gated repo for url https://huggingface.co/google/gemma-3-4b-pt/resolve/main/config.json.
Access to model google/gemma-3-4b-pt is restricted and you are not in the authorized list.`,
  ],
  [
    "engine-wants-network",
    "huggingface_hub, src/huggingface_hub/errors.py and file_download.py",
    "huggingface_hub.errors.LocalEntryNotFoundError: Cannot find the requested files in the disk cache and outgoing traffic has been disabled.",
  ],
  [
    "bad-model-file",
    "llama-server of Debian, given a text file",
    `0.00.057.536 E gguf_init_from_reader: invalid magic characters: 'hell', expected 'GGUF'
0.00.057.613 E llama_model_load: error loading model: llama_model_loader: failed to load model from /models/m.gguf
0.00.057.618 E llama_model_load_from_file_impl: failed to load model`,
  ],
  [
    "bad-model-file",
    "llama-server of Debian, given the first 2 MB of a model",
    `0.00.052.293 E gguf_init_from_reader: failed to read key-value pairs
0.00.052.382 E llama_model_load: error loading model: llama_model_loader: failed to load model from /models/m.gguf`,
  ],
  [
    "model-not-readable",
    "llama-server of Debian, given a file of mode 0600",
    `0.00.026.912 E gguf_init_from_file: failed to open GGUF file '/models/m.gguf' (Permission denied)
0.00.026.990 E llama_model_load: error loading model: llama_model_loader: failed to load model from /models/m.gguf`,
  ],
  [
    "model-not-readable",
    "Ollama 0.17.4, given the same",
    `time=2026-11-25T13:25:57.704Z level=ERROR source=images.go:93 msg="couldn't open model file" error="open /models/blobs/sha256-b179: permission denied"
[GIN] 2026/11/25 - 13:25:57 | 400 |    2.445778ms |      172.24.0.2 | POST     "/api/generate"`,
  ],
  [
    "port-taken-inside",
    "llama-server of Debian, told an address that it can't have",
    "0.00.080.937 E srv         start: couldn't bind HTTP server socket, hostname: 10.1.2.3, port: 8080",
  ],
  [
    "unknown-argument",
    "llama-server of Debian, given --nonsense",
    "error: invalid argument: --nonsense",
  ],
  [
    "unknown-argument",
    "vLLM 0.32.0, given --nonsense",
    "vllm: error: unrecognized arguments: --nonsense",
  ],
  [
    "bad-argument",
    "llama-server of Debian, given --chat-template-file /nope",
    `to show complete usage, run with -h
error while handling argument "--chat-template-file": error: failed to open file '/nope'`,
  ],
  [
    "unknown-parser",
    "vLLM 0.32.0, given --tool-call-parser nonsense",
    "KeyError: 'invalid tool call parser: nonsense (chose from { apertus,cohere_command3,cohere_command4 })'",
  ],
  [
    "host-memory",
    "vLLM 0.32.0 for CPUs, with 4 GiB and --gpu-memory-utilization 0.97",
    `(VllmWorker-0 pid=40) ERROR 11-25 14:13:55 [multiproc_executor.py:953] WorkerProc failed to start.
(VllmWorker-0 pid=40) ERROR 11-25 14:13:55 [multiproc_executor.py:953] ValueError: Available memory on node 0 (2.29/4.0 GiB) on startup is less than desired CPU memory utilization (0.97, 3.88 GiB). On the CPU backend, the \`--gpu-memory-utilization\` flag controls the fraction of CPU memory reserved (despite its name).
(EngineCore pid=27) ERROR 11-25 14:14:00 [core.py:1510] Exception: WorkerProc initialization failed due to an exception in a background process. See stack trace for root cause.`,
  ],
  [
    "host-memory",
    "llama-server of Debian, told -c 100000000",
    `0.23.903.112 E llama_init_from_model: failed to initialize the context: failed to allocate buffer for kv cache
0.23.903.139 E cmn  common_init_: failed to create context with model '/m.gguf'`,
  ],
];

it("has a sample for every row", () => {
  expect(new Set(SAMPLES.map(([id]) => id))).toEqual(new Set(FAILURE_IDS));
});

describe("a failure that is known", () => {
  it.each(SAMPLES)("%s (%s)", (id, _source, log) => {
    const explained = explainFailure(["some line before", ...log.split("\n"), "and one after"]);
    expect(explained).toMatchObject({ id, why: expect.stringMatching(/^[A-Z].*\.$/) });
    expect(explained?.next).not.toBe("");
  });

  it.each([
    [0, 32_768, 7344],
    [1, 8192, 256],
  ])("names the context that would fit: %i", (index, asked, fits) => {
    const [, , log] = SAMPLES.filter(([id]) => id === "context-above-cache")[index]!;
    expect(explainFailure(log.split("\n"))).toMatchObject({
      why: `A conversation of ${asked} tokens was asked for, and the KV cache holds ${fits}.`,
      next: `stack up --context ${fits}`,
    });
  });

  it("a stretched window that vLLM only warns of explains nothing", () => {
    const warning =
      "WARNING User-specified max_model_len (131072) is greater than the derived max_model_len (max_position_embeddings=40960). VLLM_ALLOW_LONG_MAX_MODEL_LEN must be used with extreme caution.";
    expect(explainFailure([warning])).toBeUndefined();
  });

  it("says how much of the GPU is free, and what the model is made for", () => {
    const said = (id: string): unknown => {
      const log = SAMPLES.find(([each]) => each === id)?.[2] ?? "";
      return explainFailure(log.split("\n"))?.why;
    };
    expect(said("gpu-memory-taken")).toBe(
      "Of the GPU's 22.05 GiB of memory 19.77 are free, and the engine wants 19.84: another program has the rest, or CUDA itself where nearly all was to be taken.",
    );
    expect(said("context-above-training")).toContain("it is made for 512.");
    expect(said("no-bfloat16")).toContain("(Tesla T4)");
  });

  it.each<[string, readonly string[], string | undefined]>([
    [
      "the line that ended the engine, not one that it survived",
      [
        "ggml_cuda_init: failed to initialize CUDA: CUDA driver version is insufficient for CUDA runtime version",
        "error: invalid argument: --foo",
      ],
      "unknown-argument",
    ],
    [
      "nothing of files that are not of the store",
      [
        "WARN failed to open /dev/kfd: permission denied",
        'error="model requires more system memory (5.1 GiB) than is available (3.2 GiB)"',
      ],
      "host-memory",
    ],
    [
      "nothing at all of a device alone",
      ["WARN failed to open /dev/kfd: permission denied"],
      undefined,
    ],
  ])("is told by %s", (_title, log, id) => {
    expect(explainFailure([...log, "bye"])?.id).toBe(id);
  });

  it("does not explain what it does not know", () => {
    expect(explainFailure(["everything is fine", "listening on port 8080"])).toBeUndefined();
    expect(explainFailure([])).toBeUndefined();
  });
});

describe("a failure that is not known", () => {
  it.each([
    [
      "an exception, and not what follows from it",
      [
        "(EngineCore pid=28) ERROR 11-25 13:16:24 [core.py:1510] ValueError: a cause",
        "(EngineCore pid=27) ERROR 11-25 14:14:00 [core.py:1510] Exception: WorkerProc initialization failed due to an exception in a background process. See stack trace for root cause.",
        "  raise RuntimeError(",
        "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}",
      ],
      0,
    ],
    [
      "not the address of a manual",
      [
        "pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig",
        "    For further information visit https://errors.pydantic.dev/2.14/v/value_error",
      ],
      0,
    ],
    ["else the last complaint", ["error: one", "panic: two", "bye"], 1],
  ])("is told by %s", (_title, lines, at) => {
    expect(causeLine(lines)?.at).toBe(at);
  });

  it("is told by nothing where nothing complains", () => {
    expect(causeLine(["all is well"])).toBeUndefined();
  });
});
