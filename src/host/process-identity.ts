import { readFile } from "node:fs/promises";
import * as z from "zod";
import type { Host } from "./host.ts";

/** A process that cannot be mistaken for another: process ids are used again, start times are not. */
export const processIdentitySchema = z.object({
  pid: z.int().positive(),
  /** Opaque; equal means the same process. On Linux: boot id and clock ticks since boot. */
  started: z.string().min(1),
});
export type ProcessIdentity = z.infer<typeof processIdentitySchema>;

/** Undefined when no such process runs (a zombie does not). */
export async function identifyProcess(
  host: Pick<Host, "platform" | "exec">,
  pid: number,
): Promise<ProcessIdentity | undefined> {
  const started = host.platform === "linux" ? await linuxStart(pid) : await psStart(host, pid);
  return started === undefined ? undefined : { pid, started };
}

/** Whether exactly this process still runs. */
export async function isAlive(
  host: Pick<Host, "platform" | "exec">,
  identity: ProcessIdentity,
): Promise<boolean> {
  const now = await identifyProcess(host, identity.pid);
  return now !== undefined && now.started === identity.started;
}

async function linuxStart(pid: number): Promise<string | undefined> {
  let stat: string;
  try {
    stat = await readFile(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined;
  }
  // proc(5): the command (field 2) may hold spaces and brackets, so count from its last bracket.
  // Field 3 is the state, field 22 the start time.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (fields[0] === "Z" || fields[0] === "X" || fields[19] === undefined) return undefined;
  const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8");
  return `${boot.trim()}:${fields[19]}`;
}

async function psStart(host: Pick<Host, "exec">, pid: number): Promise<string | undefined> {
  const { exitCode, stdout } = await host.exec("ps", ["-o", "lstart=", "-p", String(pid)]);
  const text = stdout.trim();
  return exitCode === 0 && text !== "" ? text : undefined;
}
