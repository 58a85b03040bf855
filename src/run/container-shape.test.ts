import { expect, it } from "vitest";
import { vllm } from "../engines/vllm.ts";
import type { StoredModel } from "../models/model.ts";
import { readLayout } from "../plan/gpu/gpu-layout.ts";
import { LABEL } from "../plan/labels.ts";
import { settingsSchema } from "../plan/settings.ts";
import { containerShape, type ShapeQuestion } from "./container-shape.ts";
import type { StackImages } from "./stack-images.ts";

const GIB = 2 ** 30;

const stored = {
  format: "safetensors",
  reference: "hf:o/r",
  servedName: "m",
  snapshot: "snapshots/x",
  weights: { digest: `sha256:${"a".repeat(64)}`, bytes: 140 * GIB },
  chatTemplate: "<tool_call>",
  facts: {
    architecture: "llama",
    trainedContext: 131_072,
    memory: {
      kv: [{ layers: 80, kvHeads: 8, keyLength: 128, valueLength: 128 }],
      queryHeads: 64,
      stateBytes: 0,
      embeddingLength: 8192,
      widestLength: 28_672,
      vocabulary: 128_256,
    },
  },
} as unknown as StoredModel;
const image = { reference: "i:1", exact: "i:1", pull: false, id: "sha256:1" };
const images = { engine: image, gateway: image } as unknown as StackImages;

/** What is made of it for a daemon that gives all GPUs: containers, and the hash of all that. */
function made(
  gpus: ShapeQuestion["memory"]["gpus"],
  kept: ShapeQuestion["kept"],
): ReturnType<ReturnType<typeof containerShape>["describe"]> {
  const world = {
    daemon: { memoryBytes: 512 * GIB, cpus: 64, isolatedNetworks: true, gatewayModes: true },
    model: { reference: "hf:o/r", stored },
    store: { root: "/store" },
    apiKey: "k",
  };
  return containerShape({
    settings: settingsSchema.parse({ context: "auto", gpu: "all" }),
    engine: vllm,
    world: world as unknown as ShapeQuestion["world"],
    choice: {
      gpu: {
        accelerator: "cuda",
        devices: [{ driver: "cdi", ids: ["nvidia.com/gpu=all"] }],
        labels: { [LABEL.gpu]: "cdi:nvidia.com/gpu=all" },
        warnings: [],
        tried: true,
      },
    },
    memory: { host: { totalBytes: 512 * GIB, freeBytes: 400 * GIB }, heldBytes: 0, gpus },
    kept,
  }).describe({ stored, images, port: 11_500 });
}

it("what runs on several GPUs is the same as long as it runs, whatever is said of them by then", () => {
  const cards = Array.from({ length: 4 }, () => ({ freeBytes: 79 * GIB, totalBytes: 80 * GIB }));
  const first = made(cards, {});
  const labels = first.engine.labels;
  expect(labels[LABEL.gpuLayout]).toBe("4/4@0.92");
  expect(first.engine.command?.join(" ")).toContain("--tensor-parallel-size 4");
  const kept = {
    context: Number(labels[LABEL.foundContext]),
    layout: readLayout(labels[LABEL.gpuLayout]),
  };
  const full = cards.map(({ totalBytes }) => ({ freeBytes: 1 * GIB, totalBytes }));
  for (const now of [full, [{ freeBytes: undefined }], []]) {
    expect(made(now, kept).hash).toBe(first.hash);
  }
  expect(made([{ freeBytes: undefined }], {}).hash).not.toBe(first.hash);
});
