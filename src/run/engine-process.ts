import { readdir, readFile } from "node:fs/promises";
import { kill } from "node:process";
import { fileURLToPath } from "node:url";
import type { EmbeddedConfigInput } from "../embedded/config.ts";
import { explainFailure } from "../engines/failures.ts";
import { StackError, type ErrorCode } from "../errors.ts";
import { isErrno, writeFileAtomic } from "../host/atomic-write.ts";
import { SHOWN_LINES } from "../gate/run-gate.ts";
import type { Host } from "../host/host.ts";
import { identifyProcess, isAlive, type ProcessIdentity } from "../host/process-identity.ts";
import { lastLines } from "./last-lines.ts";
import type { EngineProcess, StackFolder } from "./stack-folder.ts";
import { readEngineProcess, writeEngineProcess } from "./stack-folder.ts";

const MAIN = fileURLToPath(new URL("../embedded/main.ts", import.meta.url));

/** Milliseconds between SIGTERM and SIGKILL: the engine promises to end within two seconds. */
const TERM_MS = 3000;

/** Starts the embedded engine in the background and writes down which process it is. */
export async function startEngineProcess(
  host: Host,
  folder: StackFolder,
  config: EmbeddedConfigInput,
  known: Pick<EngineProcess, "plan" | "port" | "foundContext">,
): Promise<ProcessIdentity> {
  await writeFileAtomic(folder.engineConfigFile, JSON.stringify(config), { mode: 0o600 });
  const pid = await host.spawnDetached(process.execPath, [MAIN, folder.engineConfigFile], {
    logFile: folder.logFile,
    cwd: folder.path,
  });
  const identity = await identifyProcess(host, pid);
  if (identity === undefined) throw await stoppedError(folder);
  await writeEngineProcess(folder, {
    process: identity,
    ...known,
    startedAt: new Date(host.clock.now()).toISOString(),
  });
  return identity;
}

/** Which process, and what was written down with it. */
export type RunningProcess = ProcessIdentity & Omit<EngineProcess, "process">;

/** Ports of this machine that it listens on; `known` is the port of its endpoint, for a record of an older version. */
export function portsOfProcess(
  process: RunningProcess | undefined,
  known: number | undefined,
): readonly number[] {
  const port = process && (process.port ?? known);
  return port === undefined ? [] : [port];
}

/** The process that serves this stack now, by id and start time; undefined when it is gone. */
export async function runningEngineProcess(
  host: Host,
  folder: StackFolder,
): Promise<RunningProcess | undefined> {
  const known = await readEngineProcess(folder);
  if (known === undefined || !(await isAlive(host, known.process))) return undefined;
  const { process, ...of } = known;
  return { ...process, ...of };
}

/** Ends it: SIGTERM, and SIGKILL when that does not do. Only exactly this process, never one that got its id later. */
export async function stopEngineProcess(host: Host, identity: ProcessIdentity): Promise<void> {
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    if (!(await isAlive(host, identity))) return;
    try {
      kill(identity.pid, signal);
    } catch (error) {
      if (isErrno(error, "ESRCH")) return;
      throw error;
    }
    const deadline = host.clock.monotonic() + TERM_MS;
    while (host.clock.monotonic() < deadline) {
      if (!(await isAlive(host, identity))) return;
      await host.clock.sleep(10);
    }
  }
}

/** Ends all that serve this stack: the one that was written down, and those that nobody wrote down. */
export async function stopEngineProcesses(
  host: Host,
  folder: StackFolder,
): Promise<readonly ProcessIdentity[]> {
  const known = await runningEngineProcess(host, folder);
  const strays = await strayEngineProcesses(host, folder);
  const all = new Map(
    [...strays, ...(known === undefined ? [] : [known])].map((each) => [each.pid, each]),
  );
  for (const each of all.values()) await stopEngineProcess(host, each);
  return [...all.values()];
}

/** Rejects when the process ends, with its own last words. Looks every 20 ms: it is not our child any more. */
export async function watchEngineProcess(
  host: Host,
  folder: StackFolder,
  identity: ProcessIdentity,
  signal: AbortSignal,
): Promise<never> {
  for (;;) {
    await host.clock.sleep(20, signal);
    if (!(await isAlive(host, identity))) throw await stoppedError(folder);
  }
}

/**
 * Engines of this stack that nobody wrote down: the launcher was killed between starting one and noting it.
 * Found by the configuration file in their arguments, on Linux; elsewhere there is none to be found.
 */
async function strayEngineProcesses(
  host: Host,
  folder: StackFolder,
): Promise<readonly ProcessIdentity[]> {
  if (host.platform !== "linux") return [];
  const found: ProcessIdentity[] = [];
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const argv = (await readFile(`/proc/${entry}/cmdline`, "utf8")).split("\0");
      if (!argv.includes(MAIN) || !argv.includes(folder.engineConfigFile)) continue;
    } catch {
      // It ended while we looked, or it is not ours to read.
      continue;
    }
    const identity = await identifyProcess(host, Number(entry));
    if (identity !== undefined) found.push(identity);
  }
  return found;
}

async function stoppedError(folder: StackFolder): Promise<StackError> {
  const detail = ofLastStart(await lastLines(folder.logFile, SHOWN_LINES));
  const fatal = lastWords(detail);
  const known = explainFailure(detail);
  return new StackError(known?.code ?? fatal?.code ?? "ENGINE_STOPPED", {
    what: "The embedded engine stopped while it was waited for.",
    why: known?.why ?? fatal?.message,
    next: known?.next ?? FATAL_NEXT[fatal?.code ?? ""] ?? "stack logs",
    detail,
  });
}

/** What helps where the embedded engine can use no GPU. */
export const GPU_OF_PROCESS = "stack up --gpu none\nstack up llamacpp --gpu all";

/** Commands for what no second attempt cures. */
const FATAL_NEXT: Readonly<Record<string, string>> = { GPU_UNUSABLE: GPU_OF_PROCESS };

/** Its log goes on from start to start: what stands behind the end of the one before. */
function ofLastStart(lines: readonly string[]): readonly string[] {
  const ended = /"level":"fatal"|"event":"stopped"/;
  return lines.slice(lines.slice(0, -1).findLastIndex((line) => ended.test(line)) + 1);
}

const FATAL_CODES: Readonly<Record<string, ErrorCode>> = {
  PORT_BUSY: "PORT_BUSY",
  GPU_UNUSABLE: "GPU_UNUSABLE",
  MODEL_UNAVAILABLE: "MODEL_UNAVAILABLE",
  DOES_NOT_FIT: "DOES_NOT_FIT",
};

/** The line with which the engine says why it ends (see `src/embedded/config.ts`). */
function lastWords(
  lines: readonly string[],
): { readonly code: ErrorCode; readonly message: string } | undefined {
  const line = lines.findLast((candidate) => candidate.includes('"level":"fatal"'));
  if (line === undefined) return undefined;
  try {
    const { code, message } = JSON.parse(line) as { code?: unknown; message?: unknown };
    if (typeof message !== "string") return undefined;
    return { code: FATAL_CODES[String(code)] ?? "ENGINE_STOPPED", message };
  } catch {
    return undefined;
  }
}
