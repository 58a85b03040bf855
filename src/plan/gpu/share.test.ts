import { expect, test } from "vitest";
import { llamaGpuShare, ollamaGpuShare, sglangGpuShare, vllmGpuShare } from "./share.ts";
import { judgeStillThere } from "./still-there.ts";

const ps = (size: number, vram: object): string =>
  JSON.stringify({
    models: [
      { name: "other:1", size: 1 },
      { name: "qwen3:8b", size, ...vram },
    ],
  });

test.each([
  // https://docs.ollama.com/api/ps
  ["all of it", ps(6591830464, { size_vram: 6591830464 }), 1],
  ["a part", ps(1000, { size_vram: 810 }), 0.81],
  ["none", ps(1000, { size_vram: 0 }), 0],
  ["the field is left out", ps(1000, {}), 0],
  ["another model is loaded", '{"models":[]}', undefined],
  ["null", '{"models":null}', undefined],
  ["an error", "<html>", undefined],
])("ollama: %s", (_, text, share) => {
  expect(ollamaGpuShare(text, "qwen3:8b")).toBe(share);
});

test.each([
  // https://github.com/abetlen/llama-cpp-python/issues/1953 and https://github.com/ggml-org/llama.cpp/issues/12614
  ["all layers", ["load_tensors: offloaded 29/29 layers to GPU"], 1],
  [
    "none",
    [
      "load_tensors: offloading 0 repeating layers to GPU",
      "load_tensors: offloaded 0/29 layers to GPU",
    ],
    0,
  ],
  [
    "a fit, and then the load",
    ["load_tensors: offloaded 0/29 layers to GPU", "load_tensors: offloaded 29/29 layers to GPU"],
    1,
  ],
  ["a build without", ["warning: no usable GPU found, --gpu-layers option will be ignored"], 0],
  ["another log", ["main: server is listening"], undefined],
])("llama-server: %s", (_, lines, share) => {
  expect(llamaGpuShare(lines)).toBe(share);
});

test.each([
  // https://github.com/vllm-project/vllm/pull/15960
  ["CUDA", ["INFO 04-07 06:05:36 [__init__.py:239] Automatically detected platform cuda."], 1],
  ["the processor", ["INFO [__init__.py:239] Automatically detected platform cpu."], 0],
  ["the configuration", ["config: dtype=torch.bfloat16, device_config=cuda, seed=0"], 1],
  ["nothing said", ["INFO Starting vLLM API server"], undefined],
])("vLLM: %s", (_, lines, share) => {
  expect(vllmGpuShare(lines)).toBe(share);
});

test.each([
  // https://github.com/sgl-project/sglang/pull/4848 and https://github.com/sgl-project/sglang/issues/7547, shortened
  [
    "CUDA",
    "[2025-04-03 04:46:21] server_args=ServerArgs(model_path='m', context_length=None, device='cuda', cpu_offload_gb=0, page_size=1)",
    1,
  ],
  [
    "the processor",
    "[2025-06-27 18:49:53] server_args=ServerArgs(model_path='distilgpt2', device='cpu', cpu_offload_gb=0)",
    0,
  ],
  // By its source: `logger.info(f"server_args={server_args.resolved_dict()}")`.
  ["a newer one", "server_args={'model_path': 'm', 'device': 'cuda', 'cpu_offload_gb': 0}", 1],
  [
    "a part is left on the host",
    "server_args={'model_path': 'm', 'device': 'cuda', 'cpu_offload_gb': 8}",
    undefined,
  ],
  ["nothing said", "[2025-12-23 14:18:01] Load weight begin. avail mem=46.81 GB", undefined],
])("SGLang: %s", (_, line, share) => {
  expect(sglangGpuShare(["a line before", line])).toBe(share);
});

test.each([
  ["it is there", "GPU 0: NVIDIA A10 (UUID: GPU-f15ae561-21b1-6003-c768-861fc285203b)", undefined],
  ["nothing can tell", "", undefined],
  // https://github.com/NVIDIA/nvidia-container-toolkit/issues/1227
  ["systemd took it", "Failed to initialize NVML: Unknown Error", "cgroup-driver stack restart"],
  ["its nodes are closed", "@closed /dev/nvidiactl", "cgroup-driver stack restart"],
  [
    "the driver was updated under it",
    "Failed to initialize NVML: Driver/library version mismatch",
    "nvml-error sudo reboot",
  ],
])("in a running container: %s", (_, output, expected) => {
  const fault = judgeStillThere(output);
  expect(fault === undefined ? undefined : `${fault.cause} ${fault.next}`).toBe(expected);
});
