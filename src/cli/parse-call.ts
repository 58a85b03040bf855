import { parseArgs } from "node:util";
import type { StackError } from "../errors.ts";
import { nearest } from "../models/nearest.ts";
import type { SettingKey } from "../plan/settings.ts";
import type { SettingArgument } from "../run/load-settings.ts";
import type { Command, FlagSpec, FlagValue } from "./command.ts";
import { choice, flagValue } from "./flag-value.ts";
import { parseOptions } from "./flag-table.ts";
import { GLOBAL_FLAGS } from "./global-flags.ts";
import { settingFlags } from "./setting-flags.ts";
import { usage } from "./usage.ts";

/** argv, typed: what one command is called with. */
export interface ParsedCall {
  readonly args: readonly string[];
  readonly flags: Readonly<Record<string, FlagValue>>;
  readonly globals: Readonly<Partial<Record<keyof typeof GLOBAL_FLAGS, boolean>>>;
  readonly settings: readonly SettingArgument[];
}

/** Everything a command accepts, by flag name. */
export function flagsOf(command: Command): ReadonlyMap<string, FlagSpec> {
  const settings = [...settingFlags(settingsOf(command))].map(
    ([name, { spec }]) => [name, spec] as const,
  );
  return new Map<string, FlagSpec>([
    ...Object.entries(command.flags),
    ...settings,
    ...Object.entries(GLOBAL_FLAGS),
  ]);
}

/** The settings that have a flag here: those of the command, then the two that are everywhere. */
export function settingsOf(command: Pick<Command, "settings">): readonly SettingKey[] {
  return [...new Set<SettingKey>([...command.settings, "name", "timeout"])];
}

/** Reads argv for `command`, whose name takes the first `words` positionals. Anything unexpected is `USAGE`. */
export function parseCall(
  name: string,
  command: Command,
  words: number,
  argv: readonly string[],
): ParsedCall {
  const table = flagsOf(command);
  const values = new Map<string, FlagValue>();
  const positionals: string[] = [];
  let afterTerminator: string[] | undefined;
  const { tokens } = parseArgs({
    args: [...argv],
    options: parseOptions(table),
    strict: false,
    allowPositionals: true,
    allowNegative: true,
    tokens: true,
  });
  for (const token of tokens) {
    if (token.kind === "option-terminator") {
      afterTerminator = [];
    } else if (token.kind === "positional") {
      (afterTerminator ?? positionals).push(token.value);
    } else {
      const spec = table.get(token.name);
      if (spec === undefined) throw unknownFlag(name, token.rawName, [...table.keys()]);
      const help = `stack ${name} --help`;
      values.set(token.name, flagValue(spec, token, values.get(token.name), help));
    }
  }
  const rest = positionals.slice(words);
  if (command.passthrough !== true && afterTerminator !== undefined) rest.push(...afterTerminator);
  if (values.get("help") !== true) checkArguments(name, command, rest);
  return {
    args: rest,
    flags: pick(values, Object.keys(command.flags)),
    globals: pick(values, Object.keys(GLOBAL_FLAGS)),
    settings: settingArguments(command, values, rest, afterTerminator),
  };
}

function settingArguments(
  command: Command,
  values: ReadonlyMap<string, FlagValue>,
  args: readonly string[],
  engineArgs: readonly string[] | undefined,
): readonly SettingArgument[] {
  const found: SettingArgument[] = [];
  for (const [name, { key }] of settingFlags(settingsOf(command))) {
    const value = values.get(name);
    if (value !== undefined && typeof value !== "number") {
      found.push({ key, value, flag: value === false ? `--no-${name}` : `--${name}` });
    }
  }
  for (const [index, argument] of command.args.entries()) {
    const value = args[index];
    if (argument.setting !== undefined && value !== undefined) {
      found.unshift({ key: argument.setting, value, flag: `<${argument.name}>` });
    }
  }
  if (command.passthrough === true && engineArgs !== undefined) {
    found.push({ key: "engineArgs", value: engineArgs, flag: "--" });
  }
  return found;
}

function checkArguments(name: string, command: Command, args: readonly string[]): void {
  const help = `stack ${name} --help`;
  const missing = command.args.find(
    (argument, index) => argument.required && args[index] === undefined,
  );
  if (missing !== undefined) {
    throw usage(`\`stack ${name}\` needs <${missing.name}>: ${lowerFirst(missing.summary)}`, help);
  }
  for (const [index, argument] of command.args.entries()) {
    const value = args[index];
    if (value !== undefined) choice(`<${argument.name}>`, argument.choices, value, help);
  }
  const extra = command.args.at(-1)?.variadic === true ? undefined : args[command.args.length];
  if (extra !== undefined) {
    const dash =
      command.passthrough === true ? " Arguments for the engine come after `--`." : undefined;
    const meant = command.wordMeans !== undefined && /^[\w:-]+$/.test(extra);
    const next = meant ? `stack ${name} --${command.wordMeans} ${extra}` : help;
    throw usage(`\`stack ${name}\` does not take the argument \`${extra}\`.`, next, dash?.trim());
  }
}

function unknownFlag(name: string, flag: string, known: readonly string[]): StackError {
  const near = nearest(flag.replace(/^-+/, ""), known);
  return usage(
    `\`stack ${name}\` has no flag ${flag}.`,
    `stack ${name} --help`,
    near === undefined || !flag.startsWith("--") ? undefined : `Did you mean --${near}?`,
  );
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}

function pick(
  values: ReadonlyMap<string, FlagValue>,
  names: readonly string[],
): Record<string, FlagValue> {
  return Object.fromEntries([...values].filter(([name]) => names.includes(name)));
}
