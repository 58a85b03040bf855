#!/usr/bin/env node
// node scripts/test-images.ts [vllm] [sglang]
// Makes sure that the running daemon has the images of compose/images: built once, saved, and loaded into the next
// engine. Prints their tags as JSON. vLLM's is left out unless it is named, and so is SGLang's, whose recipe is for tests.
import { createHash } from "node:crypto";
import {
  copyFileSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { $ } from "zx";
import { z } from "zod";
import { cacheFolder } from "./test-env/cache.ts";
import { debianRootfs } from "./test-env/debian.ts";
import { runScript } from "./test-env/run-script.ts";

const RECIPES = join(import.meta.dirname, "..", "compose", "images");
const idsSchema = z.array(z.string());

const IMAGES = {
  base: { tag: "stack/base:trixie", context: baseContext },
  haproxy: { tag: "stack/haproxy:3.0.11", context: recipeContext },
  llamacpp: { tag: "stack/llamacpp:0.7.0", context: recipeContext },
  ollama: { tag: "stack/ollama:0.17.4", context: recipeContext },
} as const;
/** 6 GB each: built only when they are asked for, and not kept beside the daemon's own copies. */
const LARGE = [
  { recipe: join(RECIPES, "vllm"), tag: "stack/vllm:0.32.0" },
  { recipe: join(import.meta.dirname, "test-env", "sglang"), tag: "stack/sglang-test:0.5.21" },
] as const;

async function main(): Promise<void> {
  const tags: string[] = Object.values(IMAGES).map(({ tag }) => tag);
  const archive = join(cacheFolder("images"), recipesVersion());
  if (!existsSync(`${archive}.json`)) await buildAll(archive, tags);
  const built = idsSchema.parse(JSON.parse(readFileSync(`${archive}.json`, "utf8")));
  if (!isDeepStrictEqual(await idsOf(tags), built)) await $`docker load --input ${archive}.tar`;
  for (const { recipe, tag } of LARGE) {
    if (!process.argv.includes(basename(recipe))) continue;
    await buildLarge(recipe, tag);
    tags.push(tag);
  }
  console.log(JSON.stringify(tags));
}

async function buildAll(archive: string, tags: readonly string[]): Promise<void> {
  for (const [name, { tag, context }] of Object.entries(IMAGES)) {
    await build(join(RECIPES, name), tag, context);
  }
  await $`docker save --output ${archive}.tar ${tags}`;
  writeFileSync(`${archive}.json`, JSON.stringify(await idsOf(tags)));
}

async function buildLarge(recipe: string, tag: string): Promise<void> {
  const mark = join(cacheFolder("images"), `${basename(recipe)}-${recipesVersion([recipe])}.json`);
  const known = existsSync(mark) ? idsSchema.parse(JSON.parse(readFileSync(mark, "utf8"))) : [];
  if (isDeepStrictEqual(await idsOf([tag]), known)) return;
  await build(recipe, tag, recipeContext);
  writeFileSync(mark, JSON.stringify(await idsOf([tag])));
}

async function build(
  recipe: string,
  tag: string,
  context: (folder: string) => Promise<void>,
): Promise<void> {
  console.error(`building ${tag}`);
  const folder = join(cacheFolder("images"), `${basename(recipe)}.context`);
  rmSync(folder, { recursive: true, force: true });
  cpSync(recipe, folder, { recursive: true });
  await context(folder);
  const index = process.env["PIP_INDEX_URL"];
  const args = index === undefined ? [] : ["--build-arg", `PIP_INDEX_URL=${index}`];
  // The classic builder is the one that both engines have without a plugin.
  await $({
    env: { ...process.env, DOCKER_BUILDKIT: "0" },
  })`docker build --force-rm --tag ${tag} ${args} ${folder}`;
  rmSync(folder, { recursive: true });
}

async function baseContext(folder: string): Promise<void> {
  const rootfs = await debianRootfs(join(cacheFolder("images"), "trixie-rootfs"), "trixie", []);
  const leaveOut = ["./dev/*", "./var/cache/apt/*", "./var/lib/apt/lists/*", "./var/log/*"];
  await $`tar --directory ${rootfs} --numeric-owner ${leaveOut.map((glob) => `--exclude=${glob}`)} \
    --create --file ${join(folder, "rootfs.tar")} .`;
}

/** A network that re-signs TLS: downloads in the build need the CA that this machine trusts. */
async function recipeContext(folder: string): Promise<void> {
  const bundle = process.env["SSL_CERT_FILE"] ?? process.env["NODE_EXTRA_CA_CERTS"];
  if (bundle !== undefined) copyFileSync(bundle, join(folder, "ca.crt"));
}

/** Changes whenever a recipe does, so that no old image passes for a new one. */
function recipesVersion(
  recipes: readonly string[] = Object.keys(IMAGES).map((name) => join(RECIPES, name)),
): string {
  const hash = createHash("sha256");
  for (const recipe of recipes) {
    for (const file of readdirSync(recipe).toSorted())
      hash.update(readFileSync(join(recipe, file)));
  }
  return hash.digest("hex").slice(0, 12);
}

/** An image's id is the digest of its configuration, and so the same on every daemon. */
async function idsOf(tags: readonly string[]): Promise<string[]> {
  const ask = $({ nothrow: true, quiet: true });
  const inspected = await ask`docker image inspect --format {{.Id}} ${tags}`;
  return inspected.stdout.trim().split("\n");
}

await runScript(main);
