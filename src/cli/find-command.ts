import { parseArgs } from "node:util";
import type { StackError } from "../errors.ts";
import { nearest } from "../models/nearest.ts";
import { COMMANDS, GROUPS, isCommandName, type CommandName } from "./commands/index.ts";
import { parseOptions } from "./flag-table.ts";
import { GLOBAL_FLAGS } from "./global-flags.ts";
import { settingFlags } from "./setting-flags.ts";
import { usage } from "./usage.ts";

/** Which command the words name, before anything of it is loaded. */
export type Found =
  | { readonly kind: "command"; readonly name: CommandName; readonly words: number }
  | { readonly kind: "help"; readonly topic: string | undefined }
  | { readonly kind: "version" };

/** Flags that may stand in front of a command's name. */
const EARLY_FLAGS = new Map(
  [
    ...Object.entries(GLOBAL_FLAGS),
    ...[...settingFlags(["name", "timeout"])].map(([name, { spec }]) => [name, spec] as const),
    ["version", { kind: "boolean", short: "V", summary: "" }] as const,
  ].map(([name, spec]) => [name, spec]),
);

/** Finds the command in argv without loading it. Unknown words fail with `USAGE`, naming the nearest known one. */
export function findCommand(argv: readonly string[]): Found {
  const { tokens } = parseArgs({
    args: [...argv],
    options: parseOptions(EARLY_FLAGS),
    strict: false,
    allowPositionals: true,
    allowNegative: true,
    tokens: true,
  });
  const words: string[] = [];
  let help = false;
  for (const token of tokens) {
    if (token.kind === "option-terminator") break;
    if (token.kind === "positional") {
      words.push(token.value);
      // `models ls`, `config show`: two words are enough to know.
      if (words.length === 2 || (words.length === 1 && !mayHaveSecondWord(token.value))) break;
    } else if (words.length === 0) {
      if (token.name === "version") return { kind: "version" };
      if (token.name === "help") help = true;
      else if (!EARLY_FLAGS.has(token.name)) throw unknownEarlyFlag(token.rawName);
    } else if (token.name === "help") {
      help = true;
    }
  }
  const [first, second] = words;
  if (first === undefined) return { kind: "help", topic: undefined };
  if (first === "help")
    return { kind: "help", topic: topicOf(argv.slice(argv.indexOf("help") + 1)) };
  const both = `${first} ${second ?? ""}`;
  if (isCommandName(both)) return { kind: "command", name: both, words: 2 };
  if (isCommandName(first)) return { kind: "command", name: first, words: 1 };
  if (Object.hasOwn(GROUPS, first)) {
    if (second === undefined && help) return { kind: "help", topic: first };
    throw unknownInGroup(first, second);
  }
  throw unknownCommand(first);
}

function mayHaveSecondWord(word: string): boolean {
  return word === "help" || Object.hasOwn(GROUPS, word) || hasSubcommands(word);
}

function hasSubcommands(word: string): boolean {
  return Object.keys(COMMANDS).some((name) => name.startsWith(`${word} `));
}

function topicOf(rest: readonly string[]): string | undefined {
  const words = rest.filter((word) => !word.startsWith("-"));
  const topic = [words.slice(0, 2).join(" "), words[0] ?? ""].find(
    (candidate) => isCommandName(candidate) || Object.hasOwn(GROUPS, candidate),
  );
  if (topic === undefined && words[0] !== undefined) throw unknownCommand(words[0]);
  return topic;
}

function unknownEarlyFlag(flag: string): StackError {
  const near = nearest(flag.replace(/^-+/, ""), [...EARLY_FLAGS.keys()]);
  return usage(
    `There is no flag ${flag} in front of a command.`,
    "stack --help",
    near === undefined ? undefined : `Did you mean --${near}?`,
  );
}

function unknownInGroup(group: string, word: string | undefined): StackError {
  const known = Object.keys(COMMANDS)
    .filter((name) => name.startsWith(`${group} `))
    .map((name) => name.slice(group.length + 1));
  if (word === undefined) {
    return usage(
      `\`stack ${group}\` needs one more word: ${known.join(", ")}.`,
      `stack ${group} --help`,
    );
  }
  const near = nearest(word, known);
  return usage(
    `There is no command \`stack ${group} ${word}\`; there are ${known.join(", ")}.`,
    near === undefined ? `stack ${group} --help` : `stack ${group} ${near} --help`,
    near === undefined ? undefined : `Did you mean \`${near}\`?`,
  );
}

/** Words of other tools, for those who come from them. */
const ELSEWHERE: Readonly<Record<string, CommandName>> = {
  start: "up",
  run: "up",
  serve: "up",
  stop: "down",
  rm: "down",
  ls: "ps",
  list: "ps",
  log: "logs",
  pull: "models pull",
  info: "status",
  settings: "config show",
};

function unknownCommand(word: string): StackError {
  const names = [
    ...Object.keys(COMMANDS).filter((name) => !name.includes(" ")),
    ...Object.keys(GROUPS),
  ];
  const near =
    (Object.hasOwn(ELSEWHERE, word) ? ELSEWHERE[word] : undefined) ?? nearest(word, names);
  return usage(
    `There is no command \`stack ${word}\`.`,
    near === undefined ? "stack --help" : `stack ${near} --help`,
    near === undefined ? undefined : `Did you mean \`${near}\`?`,
  );
}
