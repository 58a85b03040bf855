import type { EngineInput } from "./engine.ts";

/** What the containers of engines on PyTorch (vLLM, SGLang) have in common. */
export const PYTORCH_ENV = {
  // All caches go below it.
  HOME: "/tmp",
  // PyTorch asks for the user's name, and the images have none for this number.
  USER: "stack",
  HF_HUB_OFFLINE: "1",
  TRANSFORMERS_OFFLINE: "1",
  DO_NOT_TRACK: "1",
} as const;

/** Bytes of /dev/shm that one of their processes needs. */
const SHM_BYTES = 1024 ** 3;

/** Bytes of /dev/shm: their processes, one for each GPU, hand each other tensors through it. */
export function shmBytes({ gpus }: Pick<EngineInput, "gpus">): number {
  return SHM_BYTES * (gpus?.used ?? 1);
}

/** What a user should know of GPUs that stay idle. */
export function gpuWarnings({ gpus }: Pick<EngineInput, "gpus">): readonly string[] {
  if (gpus === undefined || gpus.used === gpus.given) return [];
  return [
    `Of ${gpus.given} GPUs ${gpus.used} compute${gpus.used === 1 ? "s" : ""}: the heads of this model can't be dealt out evenly to more.`,
  ];
}

/** Of `/tmp` on a GPU: kernels are compiled there, and loaded from there. */
export const COMPILED_TMP = "size=8g,mode=1777,exec";
