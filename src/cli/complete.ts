import { execPath } from "node:process";
import { fileURLToPath } from "node:url";
import { type RootCommand, RootCommand as Root, script } from "@bomb.sh/tab";
import type { MainInput } from "../host/run-main.ts";
import {
  COMMANDS,
  GROUPS,
  isCommandName,
  type CommandEntry,
  type CommandName,
} from "./commands/index.ts";
import type { Command, CompletionSource } from "./command.ts";
import { captureConsole } from "./capture-console.ts";
import { completionWords } from "./completion-words.ts";
import { shellQuote } from "../plan/shell-quote.ts";
import { summaryOf } from "./help.ts";
import { flagsOf } from "./parse-call.ts";

/** The script for one shell. It calls this very Node and file, so that it works in every folder, and fast. */
export function completionScript(shell: string): string {
  const entry = fileURLToPath(new URL("../../scripts/stack.ts", import.meta.url));
  return captureConsole(() =>
    script(shell, "stack", `${shellQuote(execPath)} ${shellQuote(entry)}`),
  );
}

/** Answers a shell: `complete -- <words>` prints a line per candidate, as the scripts of @bomb.sh/tab expect. */
export async function complete(input: MainInput, args: readonly string[]): Promise<void> {
  const words = args[0] === "--" ? args.slice(1) : args;
  const root = new Root();
  // Groups first: a word that is offered twice keeps its first description.
  for (const [group, summary] of Object.entries(GROUPS)) root.command(group, summary);
  for (const name of Object.keys(COMMANDS)) root.command(name, summaryOf(name));
  const name = commandIn(words);
  if (name !== undefined) {
    const entries: Readonly<Record<CommandName, CommandEntry>> = COMMANDS;
    await addDetails(input, root, name, (await entries[name].load()).command, words);
  }
  input.terminal.out.write(`${captureConsole(() => root.parse([...words]))}\n`);
}

/** The command that the finished words name; the last word is still being written. */
function commandIn(words: readonly string[]): CommandName | undefined {
  const finished = words.slice(0, -1).filter((word) => !word.startsWith("-"));
  return [finished.slice(0, 2).join(" "), finished[0] ?? ""].find((name) => isCommandName(name));
}

async function addDetails(
  input: MainInput,
  root: RootCommand,
  name: CommandName,
  command: Command,
  words: readonly string[],
): Promise<void> {
  const target = root.command(name, summaryOf(name));
  const cache = new Map<CompletionSource, readonly string[]>();
  const load = async (source: CompletionSource | undefined): Promise<void> => {
    // While a flag's name is written nothing else is asked for, and reading the store would only cost time.
    if (source === undefined || cache.has(source) || words.at(-1)?.startsWith("-") === true) return;
    cache.set(source, await completionWords(input, source));
  };
  for (const [flag, spec] of flagsOf(command)) {
    await load(spec.complete);
    if (spec.kind === "boolean") {
      target.option(flag, spec.summary, spec.short ?? "");
    } else {
      const values =
        (spec.kind === "text" ? spec.choices : undefined) ??
        cache.get(spec.complete ?? "shells") ??
        [];
      target.option(
        flag,
        spec.summary,
        (add) => values.forEach((value) => add(value, "")),
        spec.short,
      );
    }
  }
  for (const argument of command.args) {
    await load(argument.complete);
    const values = argument.choices ?? cache.get(argument.complete ?? "shells") ?? [];
    target.argument(
      argument.name,
      (add) => values.forEach((value) => add(value, "")),
      argument.variadic,
    );
  }
}
