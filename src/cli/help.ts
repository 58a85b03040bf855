import { COMMANDS, GROUPS, type CommandEntry, type CommandName } from "./commands/index.ts";
import type { Command, FlagSpec, Look } from "./command.ts";
import { GLOBAL_FLAGS } from "./global-flags.ts";
import { settingsOf } from "./parse-call.ts";
import { settingFlags } from "./setting-flags.ts";
import { localise } from "./invocation.ts";

/** `stack --help`. Nothing but the registry is needed for it. */
export function rootHelp(look: Look): string {
  const { style } = look;
  const names = Object.keys(COMMANDS).filter((name) => !name.includes(" "));
  const commands = [
    ...names.map((name) => [name, summaryOf(name)] as const),
    ...Object.entries(GROUPS),
  ];
  return lines(
    "Give an agent its own model server, on this machine, with nothing leaving it.",
    "",
    `${style.strong("Usage")}  ${look.stack} <command> [flags]`,
    "",
    style.strong("Commands"),
    ...list(commands.sort(byFirstUse), look),
    "",
    style.strong("Flags of every command"),
    ...list(flagLines([...Object.entries(GLOBAL_FLAGS), ...everywhere()]), look),
    "",
    style.strong("Examples"),
    ...list(
      [
        [`${look.stack} up`, "A small model, answering in a minute."],
        [`${look.stack} up ollama --model qwen3:4b`, "Ollama in a sealed container."],
        [`${look.stack} <command> --help`, "Everything about one command."],
      ],
      look,
    ),
    "",
    `${style.strong("Exit status")}  0 ok, 2 usage, 3 no container daemon, 4 GPU, 5 port, 6 not fetched, 7 digest,`,
    "  8 does not fit, 9 not ready, 10 engine stopped, 11 leak, 12 locked, 130 interrupted, 1 other",
  );
}

/** `stack models --help`. */
export function groupHelp(group: string, look: Look): string {
  return lines(
    GROUPS[group] ?? "",
    "",
    `${look.style.strong("Usage")}  ${look.stack} ${group} <command> [flags]`,
    "",
    look.style.strong("Commands"),
    ...list(subcommands(group), look),
  );
}

/** `ls` and its summary, for `models ls`. */
function subcommands(first: string): readonly (readonly [string, string])[] {
  return Object.keys(COMMANDS)
    .filter((name) => name.startsWith(`${first} `))
    .map((name) => [name.slice(first.length + 1), summaryOf(name)] as const);
}

/** `stack <command> --help`. */
export function commandHelp(name: CommandName, command: Command, look: Look): string {
  const { style } = look;
  const own = flagLines([
    ...Object.entries(command.flags),
    ...[...settingFlags(command.settings)].map(([flag, { spec }]) => [flag, spec] as const),
  ]);
  const shared = [...Object.entries(GLOBAL_FLAGS), ...everywhere()].filter(
    ([flag]) => !command.settings.some((key) => key === flag),
  );
  return lines(
    summaryOf(name),
    ...(command.description === undefined
      ? []
      : ["", ...wrap(localise(command.description, look.stack), lineWidth(look))]),
    "",
    `${style.strong("Usage")}  ${look.stack} ${usageLine(name, command)}`,
    ...section(
      "Arguments",
      list(
        command.args.map((each) => [`<${each.name}>`, each.summary]),
        look,
      ),
      look,
    ),
    ...section("Commands", list(subcommands(name), look), look),
    ...section("Flags", list(own, look), look),
    ...section("Flags of every command", list(flagLines(shared), look), look),
    ...section(
      "Examples",
      list(
        command.examples.map((each) => [localise(each.command, look.stack), each.what]),
        look,
      ),
      look,
    ),
  );
}

/** `up [engine] [flags] [-- arguments of the engine]` */
export function usageLine(name: string, command: Command): string {
  const args = command.args.map((each) => {
    const dots = each.variadic === true ? "…" : "";
    return each.required ? `<${each.name}>${dots}` : `[${each.name}]${dots}`;
  });
  const rest = command.passthrough === true ? ["[-- arguments of the engine]"] : [];
  return [name, ...args, "[flags]", ...rest].join(" ");
}

/** `-q, --quiet` and what it does, for each flag. */
export function flagLines(
  flags: readonly (readonly [string, FlagSpec])[],
): readonly (readonly [string, string])[] {
  return flags.map(([name, spec]) => {
    const short = spec.short === undefined ? "" : `-${spec.short}, `;
    const shown = name === "color" ? "no-color" : name;
    const value = spec.kind === "boolean" ? "" : ` <${spec.placeholder}>`;
    return [`${short}--${shown}${value}`, spec.summary];
  });
}

export function summaryOf(name: string): string {
  const entries: Readonly<Record<string, CommandEntry>> = COMMANDS;
  return entries[name]?.summary ?? "";
}

function everywhere(): readonly (readonly [string, FlagSpec])[] {
  return [...settingFlags(settingsOf({ settings: [] }))].map(
    ([name, { spec }]) => [name, spec] as const,
  );
}

/** Groups stand where their work comes in a first session, not at the end. */
function byFirstUse(a: readonly [string, string], b: readonly [string, string]): number {
  return rank(a[0]) - rank(b[0]);
}

function rank(name: string): number {
  const names = Object.keys(COMMANDS);
  return names.findIndex((each) => each === name || each.startsWith(`${name} `));
}

function section(title: string, body: readonly string[], look: Look): readonly string[] {
  return body.length === 0 ? [] : ["", look.style.strong(title), ...body];
}

/** Two columns; the second is wrapped under itself. A first column too wide has the second below it. */
function list(rows: readonly (readonly [string, string])[], look: Look): readonly string[] {
  const width = Math.min(Math.max(...rows.map(([first]) => first.length)), 32);
  const room = Math.max(lineWidth(look) - width - 4, 24);
  return rows.flatMap(([first, second]) => {
    const [head = "", ...more] = wrap(localise(second, look.stack), room);
    const indent = " ".repeat(width + 4);
    const start =
      first.length > width
        ? [`  ${first}`, `${indent}${head}`]
        : [`  ${first.padEnd(width)}  ${head}`];
    return [...start, ...more.map((line) => `${indent}${line}`)].map((line) => line.trimEnd());
  });
}

/** Longer lines than this are hard to read, also where they would fit. */
function lineWidth(look: Look): number {
  return Math.min(look.columns ?? 100, 110);
}

function wrap(text: string, width: number): readonly string[] {
  const result: string[] = [];
  for (const word of text.split(" ")) {
    const last = result.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      result[result.length - 1] = `${last} ${word}`;
    else result.push(word);
  }
  return result;
}

function lines(...parts: readonly string[]): string {
  return parts.join("\n");
}
