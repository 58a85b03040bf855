import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { vllm } from "../engines/vllm.ts";
import { starterModel } from "./starter-model.ts";

const run = promisify(execFile);

/** Images of 6 GB each, there only when they were asked for: `node scripts/test-images.ts vllm sglang`. */
export const LARGE_IMAGES = { vllm: vllm.image.built, sglang: "stack/sglang-test:0.5.21" } as const;

/** Folder of the starter model as safetensors with its tokenizer. Made once, by the Python of vLLM's image. */
export async function starterSnapshot(): Promise<string> {
  const made = await run("node", ["scripts/test-snapshot.ts", await starterModel()]);
  return made.stdout.trim();
}
