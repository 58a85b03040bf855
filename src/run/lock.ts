import { link, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import * as z from "zod";
import { StackError } from "../errors.ts";
import { isErrno } from "../host/atomic-write.ts";
import type { Host } from "../host/host.ts";
import {
  identifyProcess,
  isAlive,
  processIdentitySchema,
  type ProcessIdentity,
} from "../host/process-identity.ts";

const lockSchema = z.object({ process: processIdentitySchema, command: z.string() });

export interface Lock {
  /** True when a process that died had left it: what that one had begun may lie about. */
  readonly takenOver: boolean;
  release(): Promise<void>;
}

/**
 * Takes the lock file or fails with `LOCKED`, naming the process that has it.
 * A lock belongs to a process by id and start time; a dead one's is taken over.
 */
export async function acquireLock(host: Host, file: string, command: string): Promise<Lock> {
  const self = await identifyProcess(host, host.pid);
  if (self === undefined) throw new Error("this process cannot find itself in the process table");
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const own = `${file}.${self.pid}`;
  await writeFile(own, JSON.stringify({ process: self, command }), { mode: 0o600 });
  try {
    let takenOver = false;
    for (;;) {
      if (await placeLink(own, file)) {
        return { takenOver, release: () => releaseLock(file, self) };
      }
      const holder = await readLock(file);
      if (holder === "gone") continue;
      if (holder !== undefined && (await isAlive(host, holder.process))) {
        throw new StackError("LOCKED", {
          what: `Another command (${holder.command}, process ${holder.process.pid}) is working on this stack.`,
          next: `wait for it, or end it: kill ${holder.process.pid}`,
        });
      }
      if (await removeDead(host, file, `${file}.dead.${self.pid}`)) takenOver = true;
    }
  } finally {
    await rm(own, { force: true });
  }
}

/** Whether a process that no longer runs has left its lock: something was cut off half-way. */
export async function hasStaleLock(host: Host, file: string): Promise<boolean> {
  const holder = await readLock(file);
  if (holder === "gone") return false;
  return holder === undefined || !(await isAlive(host, holder.process));
}

/** Moves the file away before it is removed, and looks again: another may have taken over between our look and our move. */
async function removeDead(host: Host, file: string, aside: string): Promise<boolean> {
  try {
    await rename(file, aside);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return false;
    throw error;
  }
  const moved = await readLock(aside);
  const living = moved !== undefined && moved !== "gone" && (await isAlive(host, moved.process));
  if (living) await placeLink(aside, file);
  await rm(aside, { force: true });
  return !living;
}

async function placeLink(own: string, file: string): Promise<boolean> {
  try {
    // link(2) makes the whole content appear at once, or fails when the name is taken.
    await link(own, file);
    return true;
  } catch (error) {
    if (isErrno(error, "EEXIST")) return false;
    throw error;
  }
}

async function readLock(file: string): Promise<z.infer<typeof lockSchema> | "gone" | undefined> {
  try {
    const parsed = lockSchema.safeParse(JSON.parse(await readFile(file, "utf8")));
    return parsed.success ? parsed.data : undefined;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return "gone";
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function releaseLock(file: string, self: ProcessIdentity): Promise<void> {
  const holder = await readLock(file);
  if (
    holder !== "gone" &&
    holder?.process.started === self.started &&
    holder.process.pid === self.pid
  ) {
    await rm(file, { force: true });
  }
}
