import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Agent, AgentConfig, AgentFile } from "../agents/agent.ts";
import { applyEdits } from "../agents/edit/apply.ts";
import { AGENTS, agentWarnings, findAgent } from "../agents/index.ts";
import type { Endpoint } from "../endpoint.ts";
import { StackError } from "../errors.ts";
import { isErrno } from "../host/atomic-write.ts";
import type { Host } from "../host/host.ts";
import { stackFolder } from "./stack-folder.ts";

/** One line of `stack agents`. */
export type AgentSummary = Pick<
  Agent,
  "name" | "title" | "summary" | "minimumContext" | "needsTools"
>;

export function listAgents(): readonly AgentSummary[] {
  return Object.values(AGENTS).map(({ name, title, summary, minimumContext, needsTools }) => ({
    name,
    title,
    summary,
    minimumContext,
    needsTools,
  }));
}

/** An agent, and its configuration for an endpoint on this machine. */
export interface EmittedAgent {
  readonly agent: Agent;
  readonly endpoint: Endpoint;
  readonly config: AgentConfig;
  /** Files that only the agent and we know of: below the stack's folder. */
  readonly supportDir: string;
  /** Why it will not work well, in sentences. */
  readonly warnings: readonly string[];
}

/** An unknown name is `USAGE` and names the nearest. */
export function emitAgent(host: Host, name: string, endpoint: Endpoint): EmittedAgent {
  const agent = findAgent(name);
  const supportDir = join(
    stackFolder(host, endpoint.name).path,
    "agents",
    agent.name.replaceAll(":", "-"),
  );
  const config = agent.emit({
    endpoint,
    home: host.paths.home,
    // Ours is `$XDG_CONFIG_HOME/stack`.
    configHome: dirname(host.paths.config),
    supportDir,
    cwd: host.cwd,
  });
  return { agent, endpoint, config, supportDir, warnings: agentWarnings(agent, endpoint) };
}

/** A file as it is and as it would be. */
export interface FileChange {
  readonly file: AgentFile;
  /** Undefined when it is not there. */
  readonly before: string | undefined;
  readonly after: string;
}

/** What writing would make of the files. Reads them, changes nothing. A broken one is `USAGE` with path, line and column. */
export async function fileChanges(files: readonly AgentFile[]): Promise<readonly FileChange[]> {
  return Promise.all(
    files.map(async (file) => {
      const before = await readTextFile(file.path);
      return { file, before, after: editFile(file, before) };
    }),
  );
}

export function editFile(file: AgentFile, before: string | undefined): string {
  if (before === undefined && file.mustExist !== undefined) {
    throw new StackError("USAGE", {
      what: `There is no ${file.path}.`,
      why: "The agent reads it from its own folder.",
      next: file.mustExist,
    });
  }
  try {
    return applyEdits(file, before ?? "");
  } catch (error) {
    if (!(error instanceof StackError)) throw error;
    const { code, what, why, next } = error;
    throw new StackError(code, { what: `${file.path}: ${what}`, why, next, cause: error });
  }
}

/** What `stack config <agent>` shows: the files as they would be, with nothing written. */
export interface ShownConfig {
  readonly agent: string;
  readonly files: readonly {
    readonly path: string;
    readonly secret: boolean;
    readonly text: string;
  }[];
  readonly env: Readonly<Record<string, string>>;
  readonly run: string;
  readonly notes: readonly string[];
  readonly warnings: readonly string[];
}

/** Shows the user's files only; ours go without saying. */
export async function showAgentConfig(
  host: Host,
  name: string,
  endpoint: Endpoint,
): Promise<ShownConfig> {
  const { agent, config, warnings } = emitAgent(host, name, endpoint);
  const files = await Promise.all(
    config.files
      .filter((file) => file.owner === "theirs")
      .map(async (file) => ({
        path: file.path,
        secret: file.secrets.length > 0,
        text: editFile({ ...file, mustExist: undefined }, await readTextFile(file.path)),
      })),
  );
  return {
    agent: agent.name,
    files,
    env: { ...config.env, ...config.searchPaths },
    run: config.run,
    notes: config.notes,
    warnings,
  };
}

/** Our copy of a file, for agents that a variable can point to it. */
export function supportCopy(supportDir: string, file: AgentFile): string {
  return join(supportDir, basename(file.path));
}

/** Undefined when it is not there. What can't be read, or is no UTF-8 (an edit would damage it), is `CONFLICT`. */
export async function readTextFile(path: string): Promise<string | undefined> {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(await readFile(path));
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw new StackError("CONFLICT", {
      what: `${path} cannot be read as text.`,
      why: error instanceof Error ? `${error.message}.` : undefined,
      next: "Look at the file: it must be UTF-8 and readable for you.",
      cause: error,
    });
  }
}
