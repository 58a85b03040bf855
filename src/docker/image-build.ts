import { access, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { StackError } from "../errors.ts";
import type { Host } from "../host/host.ts";
import { debianRootfs } from "./debian-rootfs.ts";
import type { BuildFile, Runtime } from "./runtime.ts";

/** Images that can be made from package registries alone, for sites that reach no container registry. */
export const RECIPES = {
  base: { tag: "stack/base:trixie", summary: "Debian 13, on which the others stand" },
  haproxy: { tag: "stack/haproxy:3.0.11", summary: "the gateway, from Debian's package" },
  llamacpp: {
    tag: "stack/llamacpp:0.7.0",
    summary: "llama.cpp's server for CPUs, from Debian's package",
  },
  ollama: { tag: "stack/ollama:0.17.4", summary: "Ollama, compiled from its Go module" },
  vllm: { tag: "stack/vllm:0.32.0", summary: "vLLM for CPUs, from PyPI; about 6 GB" },
} as const satisfies Record<string, { readonly tag: string; readonly summary: string }>;
export type RecipeName = keyof typeof RECIPES;

export function isRecipe(name: string): name is RecipeName {
  return Object.hasOwn(RECIPES, name);
}

export interface BuildImageOptions {
  /** PEM file of extra authorities; undefined: that of `SSL_CERT_FILE` or `NODE_EXTRA_CA_CERTS`. */
  readonly ca: string | undefined;
  /** Each line that the build prints. */
  readonly onLine: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Builds one image, and first the base when it is not there. Resolves to its tag. `IMAGE_UNAVAILABLE` carries the last lines of what failed. */
export async function buildImage(
  host: Host,
  runtime: Runtime,
  name: RecipeName,
  options: BuildImageOptions,
): Promise<string> {
  if (name === "base") return buildBase(host, runtime, options);
  if ((await runtime.images.inspect(RECIPES.base.tag, options.signal)) === undefined) {
    await buildBase(host, runtime, options);
  }
  const { tag } = RECIPES[name];
  await runtime.images.build({
    tag,
    context: [await dockerfile(name), ...(await authorities(host, options.ca))],
    buildArgs: { BASE: RECIPES.base.tag, ...argumentsFromEnvironment(host) },
    onLine: options.onLine,
    signal: options.signal,
  });
  return tag;
}

async function buildBase(
  host: Host,
  runtime: Runtime,
  { onLine, signal }: BuildImageOptions,
): Promise<string> {
  // Not the folder for temporary files: it may be in memory, or not allow device files.
  await mkdir(host.paths.cache, { recursive: true });
  const folder = await mkdtemp(join(host.paths.cache, "base-image-"));
  try {
    const rootfs = await debianRootfs(host, folder, { onLine, signal });
    await runtime.images.build({
      tag: RECIPES.base.tag,
      context: [await dockerfile("base"), { name: "rootfs.tar", file: rootfs }],
      buildArgs: {},
      onLine,
      signal,
    });
    return RECIPES.base.tag;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function dockerfile(name: RecipeName): Promise<BuildFile> {
  const file = join(import.meta.dirname, "..", "..", "compose", "images", name, "Dockerfile");
  return { name: "Dockerfile", content: await readFile(file, "utf8") };
}

/** Downloads during a build do not see this machine's trust store. */
async function authorities(host: Host, named: string | undefined): Promise<readonly BuildFile[]> {
  const file = named ?? host.env["SSL_CERT_FILE"] ?? host.env["NODE_EXTRA_CA_CERTS"];
  if (file === undefined || file === "") return [];
  try {
    await access(file);
  } catch (cause) {
    throw new StackError("USAGE", {
      what: `The file of certificate authorities ${file} can't be read.`,
      next: "Name another with `--ca FILE`.",
      cause,
    });
  }
  return [{ name: "ca.crt", file }];
}

/** Where this site's Go modules and Python packages come from, and how it gets out; a proxy on loopback is out of a build's reach. */
const PASSED_ON = [
  "GOPROXY",
  "GOSUMDB",
  "PIP_INDEX_URL",
  "http_proxy",
  "https_proxy",
  "no_proxy",
] as const;

function argumentsFromEnvironment(host: Host): Record<string, string> {
  return Object.fromEntries(
    PASSED_ON.flatMap((name) => {
      const value = host.env[name] ?? host.env[name.toUpperCase()];
      const loopback = /\/\/(127\.|localhost|\[::1\])/.test(value ?? "");
      return value === undefined || value === "" || loopback ? [] : [[name, value]];
    }),
  );
}
