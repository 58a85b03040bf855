import * as z from "zod";

/** Where an engine tells how much of the model it computes on the GPU: 0 to 1, undefined when it does not say. */
export type GpuShareSource =
  | {
      readonly kind: "http";
      /** Through the gateway. */
      readonly path: string;
      readonly read: (text: string, model: string) => number | undefined;
    }
  | { readonly kind: "log"; readonly read: (lines: readonly string[]) => number | undefined };

const psSchema = z.object({
  models: z
    .array(
      z.object({
        name: z.string(),
        size: z.number().positive(),
        // Left out when it is 0, in some versions.
        size_vram: z.number().nonnegative().default(0),
      }),
    )
    .nullable(),
});

/** Of Ollama's `GET /api/ps`: bytes in the GPU's memory of all that the model takes. */
export function ollamaGpuShare(text: string, model: string): number | undefined {
  const parsed = psSchema.safeParse(parseJson(text));
  const loaded = parsed.data?.models?.find(({ name }) => name === model);
  return loaded === undefined ? undefined : Math.min(1, loaded.size_vram / loaded.size);
}

/** Of llama.cpp's log: `offloaded 29/29 layers to GPU`, the last of its kind; a build without a GPU prints none. */
export function llamaGpuShare(lines: readonly string[]): number | undefined {
  const found = lines.flatMap((line) => {
    const match = /offloaded (\d+)\/(\d+) layers to GPU/.exec(line);
    return match === null ? [] : [Number(match[1]) / Number(match[2])];
  });
  if (found.length > 0) return found.at(-1);
  return lines.some((line) => /no usable GPU found|not compiled with GPU/.test(line))
    ? 0
    : undefined;
}

/** Of vLLM's log: all of a model is on the device that it chose, or it does not start. */
export function vllmGpuShare(lines: readonly string[]): number | undefined {
  for (const line of lines) {
    const device = /(?:detected platform|device_config=)\s*(\w+)/i.exec(line)?.[1];
    if (device !== undefined) return device === "cpu" ? 0 : 1;
  }
  return undefined;
}

/**
 * Of SGLang's log: the device in the settings that it prints at its start, as the repr of a class and in newer versions of
 * a dictionary (python/sglang/srt/entrypoints/engine.py). Undefined when weights are left on the host (`cpu_offload_gb`):
 * it does not say of how many.
 */
export function sglangGpuShare(lines: readonly string[]): number | undefined {
  for (const line of lines) {
    if (!line.includes("server_args=")) continue;
    const device = /\bdevice'?[=:] ?'(\w+)'/.exec(line)?.[1];
    const offloaded = Number(/\bcpu_offload_gb'?[=:] ?([\d.]+)/.exec(line)?.[1] ?? 0);
    if (device === "cpu") return 0;
    if (device !== undefined) return offloaded > 0 ? undefined : 1;
  }
  return undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
