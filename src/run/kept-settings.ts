import { rm } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { writeFileAtomic } from "../host/atomic-write.ts";
import { formatReadBy } from "../models/formats.ts";
import { SETTING_KEYS } from "../plan/resolve-settings.ts";
import { settingProblem } from "../plan/setting-values.ts";
import type { ResolvedSettings, SettingKey } from "../plan/settings.ts";
import type { RunContext } from "../run-context.ts";
import type { Resumed } from "./load-settings.ts";
import { readJson, type StackFolder, stackFolder } from "./stack-folder.ts";

const originSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("flag"), flag: z.string() }),
  z.object({ kind: z.literal("environment"), variable: z.string() }),
  z.object({ kind: z.literal("project"), file: z.string() }),
]);

const keptSchema = z.object({
  /** The engine that was asked for. */
  engine: z.string(),
  /** Another's server. */
  adopted: z.boolean(),
  /** Where the project's `stack.yaml` was looked for. */
  folder: z.string().optional(),
  given: z
    .array(z.object({ key: z.string(), value: z.unknown(), origin: originSchema }))
    // Another version may have had settings that this one lacks.
    .transform((given) => given.filter(({ key, value }) => isSetting(key, value))),
});

/**
 * What a stack was last brought up with, as far as it was written somewhere: its engine, the project, and each setting with the
 * place that it came from. A file of the stack's folder, mode 0600, as an engine that is a process or not ours has no labels;
 * it stays when what runs is replaced, fails or is killed, and goes with `down`. Keys of servers are named by their file.
 */
export type KeptSettings = z.infer<typeof keptSchema>;

/** What belongs to that one command and not to the stack; the name is the folder's. */
const NOT_KEPT: ReadonlySet<SettingKey> = new Set(["name", "pull"]);

/** The user's own file is left out: it is read anew wherever one is. */
export function settingsToKeep({
  values,
  origins,
  projectFolder: folder,
}: ResolvedSettings): KeptSettings {
  return {
    engine: values.engine,
    adopted: values.adopt || formatReadBy(values.engine) === undefined,
    ...(folder === undefined ? {} : { folder }),
    given: SETTING_KEYS.flatMap((key) => {
      const origin = origins[key];
      if (NOT_KEPT.has(key) || origin.kind === "default" || origin.kind === "user") return [];
      return [{ key, value: values[key], origin }];
    }),
  };
}

/** Undefined when there are none, or they are not readable any more. */
export async function readKept(folder: StackFolder): Promise<KeptSettings | undefined> {
  return readJson(fileOf(folder), keptSchema);
}

/** Writes them, or with undefined removes what is there. */
export async function writeKept(
  folder: StackFolder,
  kept: KeptSettings | undefined,
): Promise<void> {
  if (kept === undefined) return rm(fileOf(folder), { force: true });
  await writeFileAtomic(fileOf(folder), `${JSON.stringify(kept)}\n`, { mode: 0o600 });
}

/** What says which engine and model are wanted. */
const WHAT_SERVES = ["engine", "model", "adopt", "url"] as const satisfies readonly SettingKey[];

/**
 * Of a stack that was brought up before, for an `up` that says neither engine nor model: `stack up` after
 * `stack up ollama --gpu all` means that one, not the starter model in its place, and says so.
 * The project is the one here, and where there is none that of then.
 */
export async function settingsToGoOn(
  { host }: RunContext,
  { values, origins, projectFile, projectFolder }: ResolvedSettings,
): Promise<Resumed | undefined> {
  if (WHAT_SERVES.some((key) => origins[key].kind !== "default")) return undefined;
  const kept = await readKept(stackFolder(host, values.name));
  if (kept === undefined) return undefined;
  return { kept, folder: projectFile === undefined ? kept.folder : projectFolder, tell: true };
}

/** `engine ollama, gpu all` */
export function settingsText(
  given: readonly { readonly key: string; readonly value?: unknown }[],
): string {
  return given.map(({ key, value }) => `${key} ${String(value)}`).join(", ");
}

function isSetting(key: string, value: unknown): boolean {
  const known = SETTING_KEYS.find((each) => each === key);
  return known !== undefined && settingProblem(known, value) === undefined;
}

function fileOf({ path }: StackFolder): string {
  return join(path, "settings.json");
}
