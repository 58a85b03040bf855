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

/** Bytes of /dev/shm: their processes hand each other tensors through it. */
export const SHM_BYTES = 1024 ** 3;

/** Of `/tmp` on a GPU: kernels are compiled there, and loaded from there. */
export const COMPILED_TMP = "size=8g,mode=1777,exec";
