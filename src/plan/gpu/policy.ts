/** Which GPUs an engine may use: what can be used, all or an error, none, or exactly these. */
export type GpuPolicy = "auto" | "all" | "none" | readonly string[];

const ID = String.raw`(\d{1,3}|(GPU|MIG)-[0-9A-Za-z/-]+)`;

/** How the setting is written: a word, or indexes and UUIDs as `nvidia-smi -L` shows them, separated by commas. */
export const GPU_POLICY_PATTERN = new RegExp(`^(auto|all|none|${ID}(,${ID})*)$`);

/** Of a text that matches the pattern. */
export function parseGpuPolicy(text: string): GpuPolicy {
  if (text === "auto" || text === "all" || text === "none") return text;
  return [...new Set(text.split(","))];
}

/** Whether a GPU was asked for, so that going without is an error. */
export function gpuDemanded(policy: GpuPolicy): boolean {
  return policy !== "auto" && policy !== "none";
}
