import type { ImageTag } from "../../engines/engine.ts";

/**
 * Whether a driver that serves CUDA up to `driver` runs programs that are built for `built`: those of its major version and older
 * ones ("minor version compatibility", https://docs.nvidia.com/deploy/cuda-compatibility/minor-version-compatibility.html).
 * Undefined where one of them is not known.
 */
export function servesCuda(
  driver: string | undefined,
  built: string | undefined,
): boolean | undefined {
  const [has, wants] = [driver, built].map((version) => /^(\d+)\b/.exec(version ?? "")?.[1]);
  return has === undefined || wants === undefined ? undefined : Number(has) >= Number(wants);
}

/** Of an image that is about to be pulled; undefined where the driver serves it, or that is not known. */
export function oldDriverWarning(
  { repository, tag, cuda }: ImageTag,
  driver: string | undefined,
): string | undefined {
  if (cuda === undefined || servesCuda(driver, `${cuda}`) !== false) return undefined;
  return `${repository}:${tag} is built for CUDA ${cuda}, and the NVIDIA driver serves CUDA up to ${driver}: it runs on data centre GPUs at most, by the libraries for older drivers that it may bring.`;
}
