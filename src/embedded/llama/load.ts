import { access, constants } from "node:fs/promises";
import type * as NodeLlamaCpp from "node-llama-cpp";
import type { Llama, LlamaContext, LlamaModel, LlamaModelOptions } from "node-llama-cpp";
import type { EmbeddedConfig } from "../config.ts";
import { EmbeddedError } from "../embedded-error.ts";
import type { Log } from "../log.ts";
import { PREBUILT } from "./prebuilt.ts";
import { createVocabulary, type Vocabulary } from "./vocabulary.ts";

type LlamaCpp = typeof NodeLlamaCpp;

/** What llama.cpp holds once a model is ready to answer. */
export interface LoadedModel {
  readonly llamaCpp: LlamaCpp;
  readonly llama: Llama;
  readonly model: LlamaModel;
  readonly context: LlamaContext;
  readonly vocabulary: Vocabulary;
  readonly threads: number;
  /** Tokens that the model was trained for. */
  readonly trainedContext: number;
}

export interface LoadOptions {
  readonly config: EmbeddedConfig;
  readonly threads: number;
  readonly log: Log;
  /** Share of the weights that is read, 0 to 1. */
  readonly onProgress: (share: number) => void;
}

/** Loads the binary, the weights and the memory for `parallel` conversations of exactly `context` tokens, or throws an `EmbeddedError`. */
export async function loadModel({
  config,
  threads,
  log,
  onProgress,
}: LoadOptions): Promise<LoadedModel> {
  await assertReadable(config.modelPath);
  const llamaCpp = await import("node-llama-cpp");
  const llama = await llamaCpp.getLlama({
    gpu: config.gpu === "none" ? false : config.gpu === "any" ? "auto" : config.gpu,
    ...PREBUILT,
    maxThreads: threads,
    logLevel: llamaCpp.LlamaLogLevel.warn,
    logger: (level, message) =>
      log(level === llamaCpp.LlamaLogLevel.warn ? "warn" : "error", "llama.cpp", {
        message: message.trim(),
      }),
  });
  try {
    return await loadInto(llamaCpp, llama, { config, threads, onProgress });
  } catch (error) {
    // With a model in memory, the end of the process can hang in llama.cpp's own (seen in every second start).
    await llama.dispose();
    throw error;
  }
}

async function loadInto(
  llamaCpp: LlamaCpp,
  llama: Llama,
  { config, threads, onProgress }: Omit<LoadOptions, "log">,
): Promise<LoadedModel> {
  if (config.gpu === "any" && llama.gpu === false) {
    throw new EmbeddedError(
      "GPU_UNUSABLE",
      "A GPU was asked for, and llama.cpp found none that the installed binaries can use.",
    );
  }
  const stretched = config.stretch ? await stretchOverrides(llamaCpp, config) : undefined;
  const model = await memoryAware(llamaCpp, "the model", () =>
    llama.loadModel({
      modelPath: config.modelPath,
      onLoadProgress: onProgress,
      ...(stretched === undefined ? {} : { metadataOverrides: stretched }),
    }),
  );
  const trainedContext = config.trainedContext ?? model.trainContextSize;
  if (config.context > trainedContext && !config.stretch) {
    throw new EmbeddedError(
      "DOES_NOT_FIT",
      `A context of ${config.context} tokens exceeds the ${trainedContext} that the model was trained for, and stretching is off.`,
    );
  }
  const [context, vocabulary] = await Promise.all([
    memoryAware(llamaCpp, `a context of ${config.context} tokens`, () =>
      model.createContext({
        contextSize: config.context,
        sequences: config.parallel,
        threads,
        ...(config.kvType === "f16" ? {} : KV_OPTIONS[config.kvType]),
        // Left on, it would shrink the context silently until it fits.
        failedCreationRemedy: false,
      }),
    ),
    // Allocating happens on another thread; this one has time.
    Promise.resolve(model).then(createVocabulary),
  ]);
  return { llamaCpp, llama, model, context, vocabulary, threads, trainedContext };
}

/**
 * Beyond its trained length a model sees positions that it never saw, and writes noise. YaRN spreads the positions (llama.cpp's
 * `--rope-scaling yarn`). Measured with SmolLM2-135M (trained for 8192) on text that repeats itself, mean log probability of the right
 * token at position 11,000: -2.8 as it is, -0.24 with YaRN; at 600: -0.21 and -0.31, so it is used only when asked for.
 */
async function stretchOverrides(
  llamaCpp: LlamaCpp,
  config: EmbeddedConfig,
): Promise<LlamaModelOptions["metadataOverrides"]> {
  const { metadata } = await memoryAware(llamaCpp, "the model", () =>
    llamaCpp.readGgufFileInfo(config.modelPath, { readTensorInfo: false, logWarnings: false }),
  );
  const { architecture } = metadata.general;
  const shape: unknown = Reflect.get(metadata, architecture);
  const trained = config.trainedContext ?? numberAt(shape, "context_length");
  if (trained === undefined || config.context <= trained) return undefined;
  const factor = config.context / trained;
  return {
    [architecture]: {
      rope: {
        scaling: {
          type: "yarn",
          // llama.cpp wants a float here, and a whole JavaScript number would be passed as an integer.
          factor: Number.isInteger(factor) ? factor * (1 + 1e-6) : factor,
          original_context_length: trained,
        },
      },
    },
  };
}

function numberAt(value: unknown, key: string): number | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const number: unknown = Reflect.get(value, key);
  return typeof number === "number" ? number : undefined;
}

/** node-llama-cpp calls this experimental: which types work depends on the model. The default never touches it. */
const KV_OPTIONS = {
  q8_0: { experimentalKvCacheKeyType: "Q8_0", experimentalKvCacheValueType: "Q8_0" },
  q4_0: { experimentalKvCacheKeyType: "Q4_0", experimentalKvCacheValueType: "Q4_0" },
} as const;

async function assertReadable(path: string): Promise<void> {
  try {
    await access(path, constants.R_OK);
  } catch (error) {
    throw new EmbeddedError("MODEL_UNAVAILABLE", `The model file ${path} cannot be read.`, error);
  }
}

async function memoryAware<T>(
  llamaCpp: LlamaCpp,
  what: string,
  load: () => Promise<T>,
): Promise<T> {
  try {
    return await load();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const memory = error instanceof llamaCpp.InsufficientMemoryError;
    // llama.cpp says no more than this when an allocation for the context fails.
    if (memory || /failed to create context/i.test(why)) {
      throw new EmbeddedError(
        "DOES_NOT_FIT",
        `There is not enough memory for ${what}: ${why}`,
        error,
      );
    }
    throw new EmbeddedError("MODEL_UNAVAILABLE", `llama.cpp cannot load ${what}: ${why}`, error);
  }
}
