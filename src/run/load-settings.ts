import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { StackError } from "../errors.ts";
import { isErrno } from "../host/atomic-write.ts";
import type { Host } from "../host/host.ts";
import { nearest } from "../models/nearest.ts";
import {
  resolveSettings,
  SETTING_KEYS,
  settingVariable,
  type SettingEntry,
} from "../plan/resolve-settings.ts";
import type { Origin, ResolvedSettings, SettingKey } from "../plan/settings.ts";
import type { RunContext } from "../run-context.ts";
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

/**
 * Reads every place of settings and settles them: flag > `STACK_*` > `stack.yaml` of the project >
 * `config.yaml` of the user > default. A wrong value or an unknown key of a file is `USAGE`.
 */
export async function loadSettings(
  context: RunContext,
  flags: readonly SettingArgument[],
): Promise<ResolvedSettings> {
  const { host } = context;
  const projectFile = findProjectFile(host);
  const userFile = join(host.paths.config, "config.yaml");
  const settings = resolveSettings([
    flags.map(({ key, value, flag }) => ({
      key,
      value: absolute(host, host.cwd, key, value),
      isText: true,
      origin: { kind: "flag", flag },
      where: flag,
    })),
    environmentEntries(context),
    projectFile === undefined ? [] : await fileEntries(context, projectFile, "project"),
    await fileEntries(context, userFile, "user"),
  ]);
  return projectFile === undefined ? settings : { ...settings, projectFile };
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
