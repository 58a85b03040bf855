import type { LlamaOptions } from "node-llama-cpp";

/** Only the binaries that are installed are used: nothing is built or downloaded, and nothing is printed. */
export const PREBUILT = {
  build: "never",
  skipDownload: true,
  progressLogs: false,
} as const satisfies LlamaOptions;
