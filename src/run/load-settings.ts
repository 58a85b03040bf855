import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { StackError } from "../errors.ts";
import { isErrno } from "../host/atomic-write.ts";
import type { Host } from "../host/host.ts";
import { nearest } from "../models/nearest.ts";
import {
  originText,
  resolveSettings,
  SETTING_KEYS,
  settingVariable,
  type SettingEntry,
} from "../plan/resolve-settings.ts";
import type { Origin, ResolvedSettings, SettingKey } from "../plan/settings.ts";
import type { StackEvent } from "../events.ts";
import type { RunContext } from "../run-context.ts";
import { type KeptSettings, settingsText } from "./kept-settings.ts";
import { findProjectFile } from "./project-file.ts";
import { parseSettingsFile } from "./settings-file.ts";

/** A value of a setting as the command line has it, still text. */
export interface SettingArgument {
  readonly key: SettingKey;
  readonly value: string | boolean | readonly string[];
  /** As written: `--port`, `<engine>`, `--`. */
  readonly flag: string;
}

/** No settings, and no typos of one: two of ours, and those of Haskell's `stack` (docs.haskellstack.org, environment variables). */
const OTHER_VARIABLES: ReadonlySet<string> = new Set([
  "STACK_MODELS_DIR",
  "STACK_REQUIRE_DOCKER",
  "STACK_CONFIG",
  "STACK_GLOBAL_CONFIG",
  "STACK_ROOT",
  "STACK_WORK",
  "STACK_XDG",
  "STACK_YAML",
]);

/** A stack that was brought up before, and is meant again. */
export interface Resumed {
  readonly kept: KeptSettings;
  /** Where to look for the project's file. */
  readonly folder: string | undefined;
  /** Says which settings that brings in. */
  readonly tell: boolean;
}

/** What was kept of a stack, where that is to hold now; `here` is what this command is given without it. */
export type ResumeFor = (here: ResolvedSettings) => Promise<Resumed | undefined>;

/**
 * Reads every place of settings and settles them: flag > `STACK_*` > `stack.yaml` of the project >
 * `config.yaml` of the user > default. A wrong value or an unknown key of a file is `USAGE`.
 *
 * With settings that were kept it is as if the same `up` were typed again, with what is given now in front: what is kept of a
 * place counts just below the same place now. Where that makes another engine of it, nothing but the project's file is taken
 * over, as the rest was meant for the engine of then.
 */
export async function loadSettings(
  context: RunContext,
  flags: readonly SettingArgument[],
  resumeFor?: ResumeFor,
): Promise<ResolvedSettings> {
  const { host } = context;
  const given = flags.map(({ key, value, flag }): SettingEntry => {
    const path = absolute(host, host.cwd, key, value);
    return { key, value: path, isText: true, origin: { kind: "flag", flag }, where: flag };
  });
  const environment = environmentEntries(context);
  const user = await fileEntries(context, join(host.paths.config, "config.yaml"), "user");
  const settle = async (
    projectFolder: string | undefined,
    kept: KeptSettings["given"],
  ): Promise<ResolvedSettings> => {
    const projectFile = projectFolder && findProjectFile(host, projectFolder);
    const of = (kind: Origin["kind"]): readonly SettingEntry[] =>
      kept
        .filter(({ origin }) => origin.kind === kind)
        .map((each) => ({ ...each, isText: false, where: originText(each.origin) }));
    const project =
      projectFile === undefined
        ? of("project")
        : await fileEntries(context, projectFile, "project");
    const layers = [given, of("flag"), environment, of("environment"), project, user];
    const settings = resolveSettings(layers);
    return {
      ...settings,
      ...(projectFolder === undefined ? {} : { projectFolder }),
      ...(projectFile === undefined ? {} : { projectFile }),
    };
  };

  const here = await settle(host.cwd, []);
  const resumed = await resumeFor?.(here);
  if (resumed === undefined) return here;
  const { kept, folder, tell } = resumed;
  const again = await settle(folder, kept.given);
  const same = again.values.engine === kept.engine;
  const settled = same ? again : await settle(folder, []);
  if (tell) context.emit(same ? broughtIn(here, again) : tookPlace(kept, settled));
  return {
    ...settled,
    values: { ...settled.values, name: here.values.name },
    origins: { ...settled.origins, name: here.origins.name },
  };
}

/** What of a stack is as it was, and not as it would be by what is given now alone. */
function broughtIn(here: ResolvedSettings, again: ResolvedSettings): StackEvent {
  const changed = SETTING_KEYS.filter(
    (key) => key !== "name" && String(again.values[key]) !== String(here.values[key]),
  ).map((key) => ({ key, value: again.values[key] }));
  const { name } = here.values;
  if (changed.length === 0) {
    return { type: "debug", message: `${name} is meant as it was brought up before` };
  }
  const message = `${name} is meant as it was brought up before: ${settingsText(changed)}.`;
  return { type: "info", message };
}

/** A stack of that name is another's project, or was, until its file changed. */
function tookPlace(kept: KeptSettings, { values, projectFile }: ResolvedSettings): StackEvent {
  const by = projectFile === undefined ? "by what is given now" : `by ${projectFile}`;
  const then = [
    { key: "engine", value: kept.engine },
    ...kept.given.filter(({ key }) => key !== "engine"),
  ];
  return {
    type: "warning",
    message: `${values.name} was brought up before with ${settingsText(then)}; ${by} it is engine ${values.engine}, which takes its place.`,
    next: "stack up --name <another>",
  };
}

function environmentEntries({ host, emit }: RunContext): readonly SettingEntry[] {
  const keys = new Map(SETTING_KEYS.map((key) => [settingVariable(key), key]));
  const entries: SettingEntry[] = [];
  for (const [variable, value] of Object.entries(host.env)) {
    if (!variable.startsWith("STACK_") || value === undefined) continue;
    const key = keys.get(variable);
    if (key !== undefined) {
      const origin = { kind: "environment", variable } as const;
      const path = absolute(host, host.cwd, key, value);
      entries.push({ key, value: path, isText: true, origin, where: variable });
    } else if (!OTHER_VARIABLES.has(variable)) {
      // Other programs own STACK_ variables too: only what looks like a typo is worth a word.
      const near = nearest(
        variable.slice("STACK_".length),
        [...keys.keys()].map((each) => each.slice("STACK_".length)),
      );
      if (near !== undefined) {
        const message = `${variable} is no setting and is not used. Did you mean STACK_${near}?`;
        emit({ type: "warning", message });
      }
    }
  }
  return entries;
}

async function fileEntries(
  context: RunContext,
  file: string,
  kind: "project" | "user",
): Promise<readonly SettingEntry[]> {
  const { host } = context;
  const text = await readSettingsFile(file);
  if (text === undefined) return [];
  const parsed = await parseSettingsFile(file, text);
  if (parsed === "foreign") {
    context.emit({ type: "debug", message: `${file} belongs to Haskell's Stack and is not read` });
    return [];
  }
  const origin: Exclude<Origin, { kind: "default" }> = { kind, file };
  return parsed.map(({ key, value, line }) => ({
    key,
    value: absolute(host, join(file, ".."), key, value),
    isText: false,
    origin,
    where: `${file}:${line}`,
  }));
}

async function readSettingsFile(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return undefined;
    throw new StackError("USAGE", {
      what: `${file} cannot be read.`,
      why: error instanceof Error ? error.message : undefined,
      next: `make it readable, or move it away`,
      cause: error,
    });
  }
}

/** A path counts from where it was written: the file's folder, or where the user is. `~/` is home. */
function absolute(host: Host, base: string, key: string, value: unknown): unknown {
  if (typeof value !== "string" || value === "") return value;
  const resolved = (path: string): string =>
    path.startsWith("~/") ? join(host.paths.home, path.slice(2)) : resolve(base, path);
  if (key === "ca" || key === "keyFile") return resolved(value);
  if (key === "model" && value.startsWith("file:")) return `file:${resolved(value.slice(5))}`;
  return value;
}
