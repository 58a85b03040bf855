import { StackError, unreachable } from "../errors.ts";
import { nearest } from "../models/nearest.ts";
import { settingProblem, settingFromText } from "./setting-values.ts";
import { settingsSchema, type Origin, type ResolvedSettings, type SettingKey } from "./settings.ts";

/** One value as it was written somewhere, not yet believed. */
export interface SettingEntry {
  readonly key: string;
  /** Text where the place knows only text (flags, environment), else what the file's parser made of it. */
  readonly value: unknown;
  readonly isText: boolean;
  readonly origin: Exclude<Origin, { readonly kind: "default" }>;
  /** For errors: `--port`, `STACK_PORT`, `/p/stack.yaml:3`. */
  readonly where: string;
}

export const SETTING_KEYS = Object.keys(settingsSchema.shape) as readonly SettingKey[];

/**
 * Settles each key by the first layer that has it; layers come highest precedence first.
 * Every entry is checked, also one that is overridden: a mistake in a file is told where it is,
 * not on the day when the flag over it is left out. All mistakes are reported at once.
 */
export function resolveSettings(layers: readonly (readonly SettingEntry[])[]): ResolvedSettings {
  const values: Record<string, unknown> = {};
  const origins: Partial<Record<SettingKey, Origin>> = {};
  const problems: string[] = [];
  for (const entry of layers.flat()) {
    if (!isSettingKey(entry.key)) {
      problems.push(unknownKey(entry));
      continue;
    }
    const value = entry.isText ? settingFromText(entry.key, entry.value) : entry.value;
    const problem = settingProblem(entry.key, value);
    if (problem !== undefined) {
      problems.push(`${entry.where}: ${problem}`);
    } else if (!(entry.key in values)) {
      values[entry.key] = value;
      origins[entry.key] = entry.origin;
    }
  }
  if (problems.length > 0) throw invalid(problems);
  return {
    values: settingsSchema.parse(values),
    origins: Object.fromEntries(
      SETTING_KEYS.map((key) => [key, origins[key] ?? { kind: "default" }]),
    ) as Record<SettingKey, Origin>,
  };
}

/** `STACK_MAX_OUTPUT_TOKENS` of `maxOutputTokens`. */
export function settingVariable(key: string): string {
  return `STACK_${key.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/** `/p/stack.yaml`, `STACK_PORT`, `--port`, `default`. */
export function originText(origin: Origin): string {
  switch (origin.kind) {
    case "flag":
      return origin.flag;
    case "environment":
      return origin.variable;
    case "project":
    case "user":
      return origin.file;
    case "default":
      return "default";
    default:
      return unreachable(origin);
  }
}

function isSettingKey(key: string): key is SettingKey {
  return Object.hasOwn(settingsSchema.shape, key);
}

function unknownKey(entry: SettingEntry): string {
  const near = nearest(entry.key, SETTING_KEYS);
  const hint = near === undefined ? "" : ` Did you mean \`${near}\`?`;
  return `${entry.where}: there is no setting \`${entry.key}\`.${hint}`;
}

function invalid(problems: readonly string[]): StackError {
  const [first = "", ...others] = problems;
  return new StackError("USAGE", {
    what: first,
    detail: others,
    // Of all commands it has a flag for every setting, with what each takes.
    next: "stack up --help",
  });
}
