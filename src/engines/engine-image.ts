import type { Accelerator, ContainerEngine, ImageSource } from "./engine.ts";

/**
 * The image to run on an accelerator: one made for it where there is one. What a recipe builds computes on the CPU only,
 * so it stands in for no other.
 */
export function engineImage(
  engine: Pick<ContainerEngine, "image" | "acceleratedImages">,
  accelerator: Accelerator,
): ImageSource {
  const own = engine.acceleratedImages?.[accelerator];
  return own === undefined ? engine.image : { ...own, recipe: undefined, built: undefined };
}
