import { spawn } from "node:child_process";
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { sleep } from "zx";
import { z } from "zod";

const recordSchema = z.object({
  pid: z.number(),
  startTime: z.string(),
  /** What the caller wants to find again, such as the version or the address. */
  note: z.string(),
});
export type DaemonRecord = z.infer<typeof recordSchema>;

/** Starts a program that outlives this one and remembers it in `file` by pid and start time: pids are used again. */
export function startDaemon(
  file: string,
  note: string,
  logFile: string,
  command: readonly [string, ...string[]],
): DaemonRecord {
  const log = openSync(logFile, "w");
  const [program, ...args] = command;
  const child = spawn(program, args, { detached: true, stdio: ["ignore", log, log], cwd: "/" });
  if (child.pid === undefined) throw new Error(`${program} did not start`);
  child.unref();
  const record = { pid: child.pid, startTime: startTimeOf(child.pid) ?? "", note };
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify(record));
  return record;
}

/** The daemon that `file` remembers, if it still runs. */
export function runningDaemon(file: string): DaemonRecord | undefined {
  if (!existsSync(file)) return undefined;
  const record = recordSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  return startTimeOf(record.pid) === record.startTime ? record : undefined;
}

/** Asks it to end, waits, and forgets it. Throws when it is still there after `seconds`. */
export async function stopDaemon(file: string, seconds: number): Promise<void> {
  const record = runningDaemon(file);
  if (record !== undefined) {
    process.kill(record.pid, "SIGTERM");
    await until(() => runningDaemon(file) === undefined, seconds, `pid ${record.pid} to end`);
  }
  rmSync(file, { force: true });
}

/** Polls `done` every 50 ms. */
export async function until(
  done: () => boolean | Promise<boolean>,
  seconds: number,
  what: string,
): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!(await done())) {
    if (Date.now() > deadline) throw new Error(`waited ${seconds} s for ${what}`);
    await sleep(50);
  }
}

/** The name of the program behind a pid; undefined for a process that is gone or a zombie. */
export function programOf(pid: string): string | undefined {
  return statOf(pid)?.program;
}

function startTimeOf(pid: number): string | undefined {
  return statOf(String(pid))?.startTime;
}

/** From proc_pid_stat(5): `pid (program) state …`, start time in field 22, in clock ticks since boot. */
function statOf(pid: string): { readonly program: string; readonly startTime: string } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const end = stat.lastIndexOf(")");
    const fields = stat.slice(end + 2).split(" ");
    if (fields[0] === "Z") return undefined;
    return { program: stat.slice(stat.indexOf("(") + 1, end), startTime: fields[19] ?? "" };
  } catch {
    return undefined;
  }
}
