import { StackError } from "../errors.ts";
import type { Host } from "../host/host.ts";
import type { Call, Command } from "./command.ts";
import type { Output } from "./output/output.ts";
import type { ParsedCall } from "./parse-call.ts";
import type { Session } from "./session.ts";

/** Gives a command what it works with, and its result to the output. Resolves to the exit status. */
export async function runCommand(
  session: Session,
  command: Command,
  parsed: ParsedCall,
  output: Output,
): Promise<number> {
  const { input, invocation } = session;
  const { terminal } = input;
  const { createHost } = await import("../host/real-host.ts");
  const host: Host = { ...createHost(input.env), cwd: invocation.cwd };
  const signal = withDeadline(command, parsed, input.signal);
  const context = { host, emit: output.emit, signal };
  const look = session.look(parsed.globals, "out");
  const call: Call = {
    args: parsed.args,
    flags: parsed.flags,
    dryRun: parsed.globals["dry-run"] === true,
    context,
    look,
    settings: async (resumeFor) => {
      const { loadSettings } = await import("../run/load-settings.ts");
      return loadSettings(context, parsed.settings, resumeFor);
    },
    data: (item, text) => output.data(item, text),
    confirm: async (question) =>
      terminal.interactive && parsed.globals.json !== true
        ? ((await terminal.confirm(question, signal)) ?? false)
        : undefined,
  };
  const value = await command.run(call);
  output.result({
    value: command.json?.(value, look) ?? value,
    text: command.text(value, look),
    hints: command.hints?.(value, session.look(parsed.globals, "err")) ?? [],
  });
  return command.exitCode?.(value) ?? 0;
}

/** Node fires at once for more than 31 bits of milliseconds. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** `--timeout` of a command that has no wait of its own to limit: the whole of it ends then. */
function withDeadline(command: Command, parsed: ParsedCall, signal: AbortSignal): AbortSignal {
  const given = parsed.settings.find(({ key }) => key === "timeout")?.value;
  const seconds = Number(given);
  if (command.settings.includes("timeout") || !(seconds > 0)) return signal;
  const deadline = new AbortController();
  setTimeout(
    () => {
      const what = `It did not end within ${seconds} s.`;
      deadline.abort(new StackError("NOT_READY", { what, next: "allow more time with --timeout" }));
    },
    Math.min(seconds * 1000, LONGEST_TIMER_MS),
  ).unref();
  return AbortSignal.any([signal, deadline.signal]);
}
