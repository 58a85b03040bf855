import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { Host } from "../host/host.ts";
import { hostMemory } from "../host/memory.ts";
import { testHost } from "../testing/test-host.ts";
import { recommendModels, type RecommendedModels } from "./recommend-models.ts";

const MiB = 1024 * 1024;
const CARDS = [
  "0, GPU-a, NVIDIA A, 570.86.15, 24564 MiB, 24000 MiB",
  "1, GPU-b, NVIDIA B, 570.86.15, 98304 MiB, 96000 MiB",
].join("\n");

/** On a machine with two cards, and whatever memory this one has. */
async function recommended(
  engine: "embedded" | "llamacpp" | "ollama" | "vllm",
  gpu: string,
  cards = CARDS.replaceAll(" MiB", ""),
): Promise<RecommendedModels> {
  const exec: Host["exec"] = async (file) => ({
    exitCode: file === "nvidia-smi" ? 0 : 127,
    stdout: file === "nvidia-smi" ? cards : "",
    stderr: "",
  });
  await using test = await testHost({ exec });
  await mkdir(join(test.home, "dev"), { recursive: true });
  await writeFile(join(test.home, "dev", "nvidia0"), "");
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

it("a card that does not say what it has free is not counted", async () => {
  const silent = "0, GPU-a, NVIDIA A, 570.86.15, [N/A], [N/A]";
  expect(await recommended("llamacpp", "auto", silent)).toMatchObject({ gpusCounted: true });
  expect((await recommended("llamacpp", "auto", silent)).deviceFreeBytes).toBeUndefined();
});

it("recommends nothing that the engine can't read", async () => {
  expect((await recommended("llamacpp", "none")).models.length).toBeGreaterThan(0);
  expect((await recommended("vllm", "none")).models).toEqual([]);
});
