import type { ErrorCode } from "../errors.ts";

/** A way in which engines fail that has a name, a cause and a way out. */
export interface KnownFailure {
  readonly id: string;
  readonly code: ErrorCode;
  /** On one line of an engine's log. */
  readonly pattern: RegExp;
  /** Why, out of what the pattern caught. */
  readonly why: (caught: RegExpExecArray) => string;
  /** The one next command, and nothing else; without engine, name and model, which `sameStack` adds. */
  readonly next: (caught: RegExpExecArray) => string;
  /** Rows of which this one may be what follows: with one of them in the log, that one is the cause. */
  readonly follows?: readonly string[];
}

/** The line of a log that tells why: where it stands, and what it says. */
interface Cause {
  readonly at: number;
  readonly line: string;
}

export interface Explanation extends Cause {
  readonly id: string;
  readonly code: ErrorCode;
  readonly why: string;
  readonly next: string;
}

/** Why no message is answered without one. */
export const NO_CHAT_TEMPLATE =
  "The model has no chat template, so the engine can't turn messages into a prompt.";

/** Of one line, the first that matches explains: the more special before the more general. Each has a sample log in the tests. */
const FAILURES: readonly KnownFailure[] = [
  {
    id: "driver-too-old",
    code: "GPU_UNUSABLE",
    pattern:
      /error 804\b|forward compatibility was attempted on non supported HW|CUDA driver version is insufficient|NVIDIA driver on your system is too old/i,
    why: () =>
      "The image was built for a newer CUDA than the host's NVIDIA driver knows: update the driver, or take an older image.",
    next: () => "stack up --image <older tag>",
  },
  {
    // vLLM wants its share of the whole card to be free at the start (vllm/v1/worker/utils.py).
    id: "gpu-memory-taken",
    code: "DOES_NOT_FIT",
    pattern:
      /Free memory on device.*\(([\d.]+)\/([\d.]+) GiB\) on startup is less than desired GPU memory utilization \([\d.]+, ([\d.]+) GiB\)/,
    why: ([, free, total, wanted]) =>
      `Of the GPU's ${total} GiB of memory ${free} are free, and the engine wants ${wanted}: another program has the rest, or CUDA itself where nearly all was to be taken.`,
    next: () => "nvidia-smi",
  },
  {
    id: "no-room-for-cache",
    code: "DOES_NOT_FIT",
    pattern:
      /No available memory for the cache blocks|Not enough memory\. Please try to increase --mem-fraction-static|Not enough GPU memory for hybrid/,
    why: () => "The weights leave no room for keys and values on the GPU.",
    next: () => "stack models recommend",
  },
  {
    id: "no-bfloat16",
    code: "GPU_UNUSABLE",
    pattern: /Bfloat16 is only supported on GPUs with compute capability.*? Your (.+?) GPU /,
    why: ([, gpu]) => `The GPU (${gpu}) can't compute in bfloat16, the type of the weights.`,
    next: () => "stack up vllm -- --dtype half",
  },
  {
    // With --stretch the same words are a warning.
    id: "context-above-training",
    code: "USAGE",
    pattern:
      /(?:ValueError: |Value error, )User-specified max_model_len \((\d+)\) is greater than the derived max_model_len \((?:\w+=)?(\d+)/,
    why: ([, asked, trained]) =>
      `A context of ${asked} tokens was asked for, and by the model's own files it is made for ${trained}.`,
    next: ([, , trained]) => `stack up --context ${trained}`,
  },
  {
    id: "gpu-memory",
    code: "DOES_NOT_FIT",
    pattern:
      /cudaMalloc failed: out of memory|(?:CUDA|HIP) out of memory|CUDA error: out of memory|hipMalloc failed|unable to allocate (CUDA|ROCm|Vulkan)\d* buffer/i,
    why: () => "The GPU has not enough free memory for the weights and this context.",
    next: () => "stack up --context <less>",
  },
  {
    id: "context-above-cache",
    code: "DOES_NOT_FIT",
    pattern:
      /max seq len \(?(\d+)\)?.*(?:maximum number of tokens that can be stored in KV cache \(|KV cache is needed.*estimated maximum model length is |KV cache is needed)(\d+)?/i,
    why: ([, asked, fits]) =>
      fits === undefined
        ? `A conversation of ${asked} tokens needs more memory than is left for the KV cache.`
        : `A conversation of ${asked} tokens was asked for, and the KV cache holds ${fits}.`,
    next: ([, , fits]) => `stack up --context ${fits ?? "<less>"}`,
  },
  {
    id: "shared-memory",
    code: "DOES_NOT_FIT",
    pattern:
      /(?:creating|allocating) shared memory segment|posix_fallocate failed\s*: No space left|\/dev\/shm.*No space left|ncclShmOpen/i,
    why: () =>
      "The container has not enough shared memory (/dev/shm), which this tool sets: report it with the engine's log.",
    next: () => "stack logs",
  },
  {
    // The daemon tells it too, and not always in time.
    id: "runner-killed",
    code: "ENGINE_STOPPED",
    pattern: /runner process has terminated: signal: killed/,
    why: () =>
      "The process with the model was killed, most likely by the kernel: it needed more memory than it may have.",
    next: () => "stack up --memory <more>",
  },
  {
    id: "unknown-architecture",
    code: "MODEL_UNAVAILABLE",
    pattern:
      /unknown model architecture: '([^']+)'|Model architectures \['([^']+)'[^\]]*\] are not supported|model type `([^`]+)` but Transformers does not recognize|Cannot find model module\. '([^']+)'/i,
    why: ([, gguf, hf, type, module]) =>
      `This version of the engine does not know models of the kind ${gguf ?? hf ?? type ?? module}.`,
    next: () => "stack up --image <newer tag>",
  },
  {
    id: "no-chat-template",
    code: "MODEL_UNAVAILABLE",
    pattern:
      /default chat template is no longer allowed|does not (?:have|define) a chat template|chat template .*(?:is missing|not found)/i,
    why: () => NO_CHAT_TEMPLATE,
    next: () => "stack up --model <its instruct variant>",
  },
  {
    id: "bad-chat-template",
    code: "MODEL_UNAVAILABLE",
    pattern:
      /chat template parsing error|supplied chat template is not supported|Unknown statement type: \w+/,
    why: () => "The chat template has mistakes, so messages can't be turned into a prompt.",
    next: () => "stack up --model <another>",
  },
  {
    id: "gated-model",
    code: "MODEL_UNAVAILABLE",
    pattern: /Cannot access gated repo|Access to model (\S+) is restricted|GatedRepoError/i,
    why: () =>
      "The model's authors give it only to accounts that have accepted their terms, on the model's page.",
    next: () => "HF_TOKEN=<your token> stack models pull <model>",
  },
  {
    id: "engine-wants-network",
    code: "MODEL_UNAVAILABLE",
    pattern:
      /outgoing traffic has been disabled|couldn't connect to 'https:\/\/huggingface\.co'|LocalEntryNotFoundError|offline mode is enabled/i,
    why: () => "The engine tried to fetch a part of the model, and it has no way out.",
    next: () => "stack models verify",
  },
  {
    id: "model-not-readable",
    code: "MODEL_UNAVAILABLE",
    // Only of the store: for devices, too, engines log that they may not, and do without.
    pattern: /\/models\b.*\bpermission denied|PermissionError: .*\/models/i,
    why: () => "The engine, which runs as an unprivileged user, may not read the model store.",
    next: () => "stack doctor",
  },
  {
    id: "bad-model-file",
    code: "MODEL_UNAVAILABLE",
    pattern:
      /gguf_init_from_\w+: (?:invalid|failed to read)|invalid magic|data is not within the file bounds|model is corrupted or incomplete|header too large|Error while deserializing header/i,
    why: () => "The file of the model is damaged, or is no model.",
    next: () => "stack models verify",
  },
  {
    id: "port-taken-inside",
    code: "PORT_BUSY",
    pattern: /address already in use|couldn't bind (?:HTTP server )?socket|EADDRINUSE/i,
    why: () => "The engine's port is taken.",
    next: () => "stack up",
  },
  {
    id: "unknown-argument",
    code: "USAGE",
    pattern: /error: (?:invalid argument|unrecognized arguments?):? (\S+.*)|unknown flag: (\S+)/i,
    why: ([, one, other]) =>
      `The engine does not know the argument ${(one ?? other ?? "").trim()}.`,
    next: () => "stack up -- <corrected arguments>",
  },
  {
    id: "bad-argument",
    code: "USAGE",
    pattern: /error while handling argument "([^"]+)": (?:error: )?(.+)/,
    why: ([, name, reason]) => `The engine can't use the argument ${name}: ${reason}.`,
    next: () => "stack up -- <corrected arguments>",
  },
  {
    id: "unknown-parser",
    code: "USAGE",
    pattern: /invalid (tool call|reasoning) parser: (\S+)/,
    why: ([, kind, name]) => `The engine has no ${kind} parser named ${name}.`,
    next: () => "stack up -- <corrected arguments>",
  },
  {
    id: "host-memory",
    code: "DOES_NOT_FIT",
    pattern:
      /requires more system memory|unable to allocate .*buffer|failed to allocate .*(?:buffer|memory)|std::bad_alloc|MemoryError|Cannot allocate memory|DefaultCPUAllocator: can't allocate memory|Available memory .* is less than desired/i,
    why: () => "There is not enough free memory for the weights and this context.",
    next: () => "stack up --context <less>",
    // llama.cpp: `cudaMalloc failed`, and then `failed to allocate compute buffers` (ggml-org/llama.cpp#16725).
    follows: ["gpu-memory"],
  },
];

/**
 * What the last lines of an engine's log mean, if they mean something that is known. The line that ended it is the latest:
 * engines log a GPU that they can't have, and go on without.
 */
export function explainFailure(lines: readonly string[]): Explanation | undefined {
  const matches = FAILURES.map((failure) => ({
    failure,
    at: lines.findLastIndex((line) => failure.pattern.test(line)),
  })).filter(({ at }) => at >= 0);
  const ids = new Set(matches.map(({ failure }) => failure.id));
  const causes = matches.filter(({ failure }) => !failure.follows?.some((id) => ids.has(id)));
  const last = Math.max(...causes.map(({ at }) => at));
  const failure = causes.find(({ at }) => at === last)?.failure;
  const caught = failure?.pattern.exec(lines[last] ?? "");
  if (failure === undefined || caught === undefined || caught === null) return undefined;
  const { id, code, why, next } = failure;
  return { id, code, why: why(caught), next: next(caught), at: last, line: caught.input };
}

/** What Python writes last of an exception, behind vLLM's prefix or not. */
const EXCEPTION = /(?:^|\] )[\w.]*(?:Error|Exception): \S/;
const COMPLAINT = /error|fatal|panic/i;
/** Where a process only passes on that another one failed, and with pydantic's advertisement of its pages. */
const NO_CAUSE =
  /See root cause above|See stack trace for root cause|For further information visit/;
const LONGEST = 500;

/** The line that says most of a failure that has no row: the last exception, else the last line that complains. */
export function causeLine(lines: readonly string[]): Cause | undefined {
  for (const pattern of [EXCEPTION, COMPLAINT]) {
    const at = lines.findLastIndex((line) => pattern.test(line) && !NO_CAUSE.test(line));
    const line = lines[at]?.trim().slice(0, LONGEST);
    if (line !== undefined) return { at, line };
  }
  return undefined;
}

export const FAILURE_IDS: readonly string[] = FAILURES.map(({ id }) => id);
