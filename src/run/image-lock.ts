import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as z from "zod";
import { StackError } from "../errors.ts";
import { isErrno, writeFileAtomic } from "../host/atomic-write.ts";
import type { Host } from "../host/host.ts";
import { planHash } from "../plan/hash.ts";
import type { LockedImage } from "../plan/image-choice.ts";
import type { ResolvedSettings } from "../plan/settings.ts";
import type { RunContext } from "../run-context.ts";
import { withLock } from "../host/with-lock.ts";

const lockSchema = z.strictObject({
  version: z.literal(1),
  images: z.record(
    z.string(),
    z.strictObject({
      id: z.string().regex(/^sha256:[0-9a-f]{64}$/),
      digest: z
        .string()
        .regex(/@sha256:[0-9a-f]{64}$/)
        .optional(),
    }),
  ),
});
export type LockedImages = Readonly<Record<string, LockedImage>>;

/** `stack.lock` beside the project's `stack.yaml`; without a project, in the user's configuration folder. */
export function imageLockFile(host: Host, settings: Pick<ResolvedSettings, "projectFile">): string {
  const folder =
    settings.projectFile === undefined ? host.paths.config : dirname(settings.projectFile);
  return join(folder, "stack.lock");
}

/** Images by reference, with the digests they had when first used. A damaged file is `USAGE`: it is not guessed at. */
export async function readImageLock(file: string): Promise<LockedImages> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (isErrno(error, "ENOENT")) return {};
    throw error;
  }
  try {
    return lockSchema.parse(JSON.parse(text)).images;
  } catch (error) {
    throw new StackError("USAGE", {
      what: `${file} is not a lock file of this tool.`,
      why: error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error),
      next: `restore it from version control, or remove it to lock anew: rm ${file}`,
      cause: error,
    });
  }
}

/** Adds or replaces entries, the others stay. Writes nothing when nothing changes. */
export async function lockImages(
  context: RunContext,
  file: string,
  entries: LockedImages,
): Promise<void> {
  if (unchanged(await readImageLock(file), entries)) return;
  // Two stacks that come up at once share the file: without this, the later would drop what the earlier wrote.
  const base = join(context.host.paths.state, "image-locks", planHash(file));
  await withLock(context, base, `a change of ${file}`, async () => {
    const before = await readImageLock(file);
    if (unchanged(before, entries)) return;
    const merged = Object.entries({ ...before, ...entries });
    const images = Object.fromEntries(merged.sort(([a], [b]) => (a < b ? -1 : 1)));
    await writeFileAtomic(file, `${JSON.stringify({ version: 1, images }, undefined, 2)}\n`);
  });
}

function unchanged(before: LockedImages, entries: LockedImages): boolean {
  return Object.entries(entries).every(
    ([reference, { id, digest }]) =>
      before[reference]?.id === id && before[reference]?.digest === digest,
  );
}
