import { StackError } from "../errors.ts";
import type { MainInput } from "../host/run-main.ts";
import type { Command } from "./command.ts";
import { COMMANDS, type CommandEntry, type CommandName, isCommandName } from "./commands/index.ts";
import { findCommand } from "./find-command.ts";
import type { Output } from "./output/output.ts";
import { parseCall } from "./parse-call.ts";
import { reportError, traceOf } from "./report-error.ts";
import { runCommand } from "./run-command.ts";
import { createSession, type Globals, type Session } from "./session.ts";

/** argv → command → result → rendered. Resolves to the exit status; never rejects. */
export async function main(input: MainInput): Promise<number> {
  const session = createSession(input);
  const early = earlyFlags(input.argv);
  let output = session.output(early, false);
  try {
    const status = await dispatch(session, early, (next) => {
      output = next;
    });
    const { aborted, reason } = input.signal;
    // It came to its end, but something beside it has failed.
    if (aborted && !(reason instanceof StackError)) throw reason;
    return status;
  } catch (error) {
    const report = reportError(error, input.signal, session.localise);
    output.error(report, traceOf(error));
    return report.exitCode;
  }
}

/** `setOutput` is told how errors are to be printed from there on. */
async function dispatch(
  session: Session,
  early: Globals,
  setOutput: (output: Output) => void,
): Promise<number> {
  const { input } = session;
  if (input.argv[0] === "complete") {
    const { complete } = await import("./complete.ts");
    await complete(input, input.argv.slice(1));
    return 0;
  }
  const found = findCommand(input.argv);
  if (found.kind === "help") return printHelp(session, early, found.topic);
  const version = found.kind === "version";
  const name = version ? "version" : found.name;
  const argv = version ? input.argv.filter((word) => !/^(--version|-V)$/.test(word)) : input.argv;
  const command = await loadCommand(name);
  const streams = command.streams === true;
  setOutput(session.output(early, streams));
  const call = parseCall(name, command, version ? 0 : found.words, argv);
  if (call.globals.help === true) return printHelp(session, call.globals, name);
  const output = session.output(call.globals, streams);
  setOutput(output);
  return runCommand(session, command, call, output);
}

async function printHelp(
  session: Session,
  globals: Globals,
  topic: string | undefined,
): Promise<number> {
  const help = await import("./help.ts");
  const look = session.look(globals, "out");
  const text =
    topic === undefined
      ? help.rootHelp(look)
      : isCommandName(topic)
        ? help.commandHelp(topic, await loadCommand(topic), look)
        : help.groupHelp(topic, look);
  session.input.terminal.out.write(`${text}\n`);
  return 0;
}

async function loadCommand(name: CommandName): Promise<Command> {
  const entries: Readonly<Record<CommandName, CommandEntry>> = COMMANDS;
  return (await entries[name].load()).command;
}

/** How to report an error before the command line is read: by the flags that are plainly there. */
function earlyFlags(argv: readonly string[]): Globals {
  const end = argv.indexOf("--");
  const own = end < 0 ? argv : argv.slice(0, end);
  return {
    json: own.includes("--json"),
    verbose: own.includes("-v") || own.includes("--verbose"),
    ...(own.includes("--no-color") ? { color: false } : {}),
  };
}
