#!/usr/bin/env node
// node scripts/test-snapshot.ts <model.gguf> [name]
// Makes a folder of safetensors out of a GGUF, for vLLM: no model hub is needed. Made once and kept; prints its path.
// Needs a running engine with vLLM's image (test-images.ts vllm): its Python has transformers and PyTorch.
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { $ } from "zx";
import { cacheFolder } from "./test-env/cache.ts";
import { runScript } from "./test-env/run-script.ts";

const IMAGE = "stack/vllm:0.32.0";
/** What transformers needs for reading a GGUF and vLLM does not bring along. */
const PACKAGES = ["gguf==0.19.0", "accelerate==1.15.0"];

async function main(): Promise<void> {
  const [gguf, name = "smollm2-135m"] = process.argv.slice(2);
  if (gguf === undefined) throw new Error("usage: test-snapshot.ts <model.gguf> [name]");
  const folder = join(cacheFolder("snapshots"), name);
  if (!existsSync(folder)) await make(resolve(gguf), folder);
  console.log(folder);
}

async function make(gguf: string, folder: string): Promise<void> {
  const packages = cacheFolder("snapshots", "packages");
  const part = `${folder}.part`;
  rmSync(part, { recursive: true, force: true });
  mkdirSync(part);
  // The container's user is another one.
  chmodSync(part, 0o777);
  await $({
    quiet: true,
  })`python3 -m pip install --quiet --no-deps --target ${packages} ${PACKAGES}`;
  const script = join(import.meta.dirname, "test-env", "snapshot.py");
  await $({ quiet: true })`docker run --rm --network none --tmpfs /tmp --env PYTHONPATH=/packages \
    --volume ${packages}:/packages:ro --volume ${script}:/snapshot.py:ro --volume ${gguf}:/in/model.gguf:ro \
    --volume ${part}:/out --entrypoint python ${IMAGE} /snapshot.py /in model.gguf /out`;
  // It makes the weights readable for its own user only.
  for (const file of readdirSync(part)) chmodSync(join(part, file), 0o644);
  renameSync(part, folder);
}

await runScript(main);
