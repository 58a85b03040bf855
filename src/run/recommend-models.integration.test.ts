import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import type { Host } from "../host/host.ts";
import { hostMemory } from "../host/memory.ts";
import { testHost } from "../testing/test-host.ts";
import { recommendModels, type RecommendedModels } from "./recommend-models.ts";

const MiB = 1024 * 1024;
const GB = 1e9;
const CARDS = [
  "0, GPU-a, NVIDIA A, 570.86.15, 24564 MiB, 24000 MiB",
  "1, GPU-b, NVIDIA B, 570.86.15, 98304 MiB, 96000 MiB",
].join("\n");

type Files = Readonly<Record<string, string>>;
const NVIDIA: Files = { "dev/nvidia0": "" };
/** Cards of 16 and 24 GB, of which a half GB is in use each. */
const AMD: Files = {
  "dev/kfd": "",
  ...amdCard(128, 16),
  ...amdCard(129, 24),
};

function amdCard(number: number, gigabytes: number): Files {
  const device = `sys/class/drm/renderD${number}/device`;
  return {
    [`dev/dri/renderD${number}`]: "",
    [`${device}/vendor`]: "0x1002\n",
    [`${device}/mem_info_vram_total`]: `${gigabytes * GB}\n`,
    [`${device}/mem_info_vram_used`]: `${GB / 2}\n`,
  };
}

/** On a machine with these files and cards of NVIDIA's, and whatever memory this one has. */
async function recommended(
  engine: "embedded" | "llamacpp" | "ollama" | "vllm" | "lmstudio",
  gpu: string,
  { files = NVIDIA, cards = CARDS.replaceAll(" MiB", "") } = {},
): Promise<RecommendedModels> {
  const exec: Host["exec"] = async (file) => ({
    exitCode: file === "nvidia-smi" ? 0 : 127,
    stdout: file === "nvidia-smi" ? cards : "",
    stderr: "",
  });
  await using test = await testHost({ exec });
  for (const [file, text] of Object.entries(files)) {
    await mkdir(join(test.home, dirname(file)), { recursive: true });
    await writeFile(join(test.home, file), text);
  }
  return await recommendModels(test.context, { engine, gpu }, test.home);
}

it.each([
  ["llamacpp", "auto", 120_000 * MiB],
  ["ollama", "all", 120_000 * MiB],
  ["llamacpp", "0", 24_000 * MiB],
  ["llamacpp", "GPU-b", 96_000 * MiB],
  ["llamacpp", "none", undefined],
  ["embedded", "auto", undefined],
] as const)("%s with --gpu %s counts %s bytes of GPUs", async (engine, gpu, bytes) => {
  const { deviceFreeBytes, gpusCounted, hostFreeBytes } = await recommended(engine, gpu);
  expect(deviceFreeBytes).toBe(bytes);
  expect(gpusCounted).toBe(bytes !== undefined);
  expect(hostFreeBytes).toBeLessThanOrEqual((await hostMemory()).totalBytes);
});

it.each([
  ["llamacpp", "auto", AMD, 39 * GB],
  ["llamacpp", "1", AMD, 23.5 * GB],
  ["llamacpp", "GPU-b", AMD, undefined],
  ["lmstudio", "auto", AMD, 39 * GB],
  ["ollama", "auto", AMD, 39 * GB],
  // As `up` would: NVIDIA's first, and not both.
  ["llamacpp", "auto", { ...AMD, ...NVIDIA }, 120_000 * MiB],
] as const)("%s with --gpu %s on a machine with AMD's counts %4$s bytes", async (...row) => {
  const [engine, gpu, files, bytes] = row;
  const { gpusCounted, deviceFreeBytes } = await recommended(engine, gpu, { files });
  expect(gpusCounted).toBe(true);
  expect(deviceFreeBytes).toBe(bytes);
});

it("a card that does not say what it has free is not counted", async () => {
  const silent = "0, GPU-a, NVIDIA A, 570.86.15, [N/A], [N/A]";
  const found = await recommended("llamacpp", "auto", { cards: silent });
  expect(found.gpusCounted).toBe(true);
  expect(found.deviceFreeBytes).toBeUndefined();
});

it.each([
  ["llamacpp", false],
  ["embedded", false],
  ["ollama", true],
  // It has models of its own.
  ["lmstudio", true],
] as const)("recommends to %s what only Ollama can load: %s", async (engine, expected) => {
  const { models } = await recommended(engine, "none");
  expect(models.some(({ name }) => name === "gpt-oss:20b")).toBe(expected);
});

it.each([
  ["llamacpp", false, true],
  ["lmstudio", false, true],
  ["vllm", true, false],
] as const)("recommends to %s safetensors: %s, and GGUF: %s", async (engine, ...expected) => {
  const { models } = await recommended(engine, "none");
  const has = (name: string): boolean => models.some((each) => each.name === name);
  expect([has("qwen3-8b:bf16"), has("qwen3:8b")]).toEqual(expected);
});
