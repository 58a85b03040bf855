import type { Runtime } from "../docker/runtime.ts";
import type { ImageSource } from "../engines/engine.ts";
import { GATEWAY_IMAGE } from "../offline/gateway-container.ts";
import { chooseImage, heedLock, type ImageChoice, type LockedImage } from "../plan/image-choice.ts";
import type { Role } from "../plan/labels.ts";
import type { Settings } from "../plan/settings.ts";
import type { RunContext } from "../run-context.ts";
import { lockImages, type LockedImages } from "./image-lock.ts";

export type StackImages = Readonly<Record<Role, ImageChoice>>;

/** Chooses the images of engine and gateway among what the daemon has, what is locked and what could be pulled. */
export async function chooseImages(
  context: RunContext,
  runtime: Runtime,
  engine: ImageSource,
  settings: Settings,
  locked: LockedImages,
): Promise<StackImages> {
  const policy = settings.offline ? "never" : settings.pull;
  const choose = async (image: ImageSource, wanted: string | undefined): Promise<ImageChoice> => {
    const standard = `${image.repository}:${image.tag}`;
    const references =
      wanted === undefined
        ? [standard, image.built].filter((each) => each !== undefined)
        : [wanted];
    const digests = references
      .map((each) => locked[each]?.digest)
      .filter((each) => each !== undefined);
    const present = Object.fromEntries(
      await Promise.all(
        [...references, ...digests].map(async (reference) => {
          const facts = await runtime.images.inspect(reference, context.signal);
          return [reference, facts?.id] as const;
        }),
      ),
    );
    return chooseImage({
      wanted,
      standard,
      built: image.built,
      recipe: image.recipe,
      policy,
      present,
      locked,
    });
  };
  const [own, gateway] = await Promise.all([
    choose(engine, settings.image),
    choose(GATEWAY_IMAGE, settings.gatewayImage),
  ]);
  return { engine: own, gateway };
}

/** Images in which a GPU can be looked for, the engine's own first. Any that has a shell does. */
export function preflightImages(
  engine: ImageSource,
  settings: Pick<Settings, "image" | "gatewayImage">,
  locked: LockedImages,
): readonly string[] {
  const of = (image: ImageSource, named: string | undefined): readonly (string | undefined)[] =>
    named === undefined ? [`${image.repository}:${image.tag}`, image.built] : [named];
  return (
    [...of(engine, settings.image), ...of(GATEWAY_IMAGE, settings.gatewayImage)]
      // What is pulled by its digest has no tag here.
      .flatMap((each) => (each === undefined ? [] : [locked[each]?.digest, each]))
      .filter((each) => each !== undefined)
  );
}

export interface ImageHere {
  readonly reference: string;
  readonly id: string;
}

/** The first of these that the daemon has. */
export async function firstImageHere(
  runtime: Runtime,
  references: readonly string[],
  signal: AbortSignal,
): Promise<ImageHere | undefined> {
  for (const reference of references) {
    const found = await runtime.images.inspect(reference, signal);
    if (found !== undefined) return { reference, id: found.id };
  }
  return undefined;
}

/** Pulls one image, with progress, and resolves to the choice as it is then. */
export async function pullImage(
  context: RunContext,
  runtime: Runtime,
  choice: ImageChoice,
): Promise<ImageChoice> {
  const { exact } = choice;
  await runtime.images.pull(exact, { onProgress: context.emit, signal: context.signal });
  const facts = await runtime.images.inspect(exact, context.signal);
  if (facts === undefined) throw new Error(`the daemon pulled ${exact} and does not have it`);
  return heedLock({ ...choice, pull: false, id: facts.id });
}

/** Writes down which images ran: from now on these and no others. */
export async function lockStackImages(
  context: RunContext,
  runtime: Runtime,
  file: string,
  images: StackImages,
): Promise<void> {
  const entries: Record<string, LockedImage> = {};
  for (const choice of Object.values(images)) {
    const facts = await runtime.images.inspect(choice.exact, context.signal);
    if (facts === undefined) continue;
    const digest = facts.repoDigests[0];
    entries[choice.reference] = { id: facts.id, ...(digest === undefined ? {} : { digest }) };
  }
  await lockImages(context, file, entries);
}
