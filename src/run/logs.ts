import { StackError } from "../errors.ts";
import { LABEL, type Role } from "../plan/labels.ts";
import { reachableRuntime } from "./clear-stack.ts";
import type { RunContext } from "./context.ts";
import { followFile } from "./follow-file.ts";
import { lastLines } from "./last-lines.ts";
import { stackFolder } from "./stack-folder.ts";

export interface LogsOptions {
  readonly name: string;
  readonly role: Role;
  readonly tail: number;
  readonly follow: boolean;
  readonly onLine: (line: string) => void;
}

/** Shows the log of an engine or its gateway, container or process alike. `STACK_UNKNOWN` when there is none. */
export async function logs(context: RunContext, options: LogsOptions): Promise<void> {
  const runtime = await reachableRuntime(context);
  const labels = { [LABEL.name]: options.name, [LABEL.role]: options.role };
  const container = (await runtime?.containers.list(labels, context.signal))?.[0];
  if (runtime !== undefined && container !== undefined) {
    if (options.follow) {
      await runtime.containers.follow(container.id, { ...options, signal: context.signal });
      return;
    }
    const lines = await runtime.containers.tail(container.id, options.tail, context.signal);
    for (const line of lines) options.onLine(line);
    return;
  }
  const { logFile } = stackFolder(context.host, options.name);
  const lines = options.role === "engine" ? await lastLines(logFile, options.tail) : [];
  if (lines.length === 0 && !options.follow) {
    throw new StackError("STACK_UNKNOWN", {
      what: `There is no log of the ${options.role} of a stack named ${options.name}.`,
      next: "stack ps --all",
    });
  }
  for (const line of lines) options.onLine(line);
  if (options.follow) await followFile(context, logFile, options.onLine);
}
