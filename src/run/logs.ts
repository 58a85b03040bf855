import { existsSync } from "node:fs";
import type { Endpoint } from "../endpoint.ts";
import type { Engine } from "../engines/engine.ts";
import { StackError } from "../errors.ts";
import { LABEL, type Role } from "../plan/labels.ts";
import { askDocker } from "./ask-docker.ts";
import type { RunContext } from "../run-context.ts";
import { followFile } from "./follow-file.ts";
import { lastLines } from "./last-lines.ts";
import { readEndpoint, stackFolder } from "./stack-folder.ts";

export interface LogsOptions {
  readonly name: string;
  readonly role: Role;
  readonly tail: number;
  readonly follow: boolean;
  readonly onLine: (line: string) => void;
}

/** Shows the log of an engine or its gateway, container or process alike. `STACK_UNKNOWN` when there is none, as for an adopted server. */
export async function logs(context: RunContext, options: LogsOptions): Promise<void> {
  const endpoint = await readEndpoint(stackFolder(context.host, options.name));
  if (endpoint?.adopted === true) throw await notOurs(endpoint);
  const labels = { [LABEL.name]: options.name, [LABEL.role]: options.role };
  const found = await askDocker(context, [options.name], undefined, async (runtime, signal) => {
    const [container] = await runtime.containers.list(labels, signal);
    return container && { containers: runtime.containers, id: container.id };
  });
  if (found !== undefined) {
    const { containers, id } = found;
    const { signal } = context;
    if (options.follow) return containers.follow(id, { ...options, signal });
    for (const line of await containers.tail(id, options.tail, { signal })) options.onLine(line);
    return;
  }
  const { logFile, path } = stackFolder(context.host, options.name);
  const lines = options.role === "engine" ? await lastLines(logFile, options.tail) : [];
  // A stack that is being started may write its first line yet.
  const mayCome = options.follow && options.role === "engine" && existsSync(path);
  if (lines.length === 0 && !mayCome) {
    throw new StackError("STACK_UNKNOWN", {
      what: `There is no log of the ${options.role} of a stack named ${options.name}.`,
      next: "stack ps --all",
    });
  }
  for (const line of lines) options.onLine(line);
  if (options.follow) await followFile(context, logFile, options.onLine);
}

async function notOurs({ name, engine, apiBase }: Endpoint): Promise<StackError> {
  const { findEngine } = await import("../engines/index.ts");
  return new StackError("STACK_UNKNOWN", {
    what: `There is no log of ${name} here: the server at ${apiBase} is not ours and keeps its own.`,
    next: adoptedLog(findEngine(engine)) ?? "look where that server was started",
  });
}

function adoptedLog(engine: Engine | undefined): string | undefined {
  if (engine?.kind === "container") return engine.adopted?.log;
  return engine?.kind === "adopted" ? engine.log : undefined;
}
