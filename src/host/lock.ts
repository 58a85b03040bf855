import { closeSync, existsSync, fchmodSync, openSync, statSync } from "node:fs";
import { mkdir, readFile, rm } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import * as z from "zod";
import { StackError } from "../errors.ts";
import { isErrno, removeTemporary, writeFileAtomic } from "./atomic-write.ts";
import type { Host } from "./host.ts";
import { identifyProcess, isAlive, processIdentitySchema } from "./process-identity.ts";

const holderSchema = z.object({
  process: processIdentitySchema,
  command: z.string(),
  note: z.unknown().optional(),
});
type Holder = z.infer<typeof holderSchema>;

export interface Lock {
  /** True when the process that had it before died with it: what that one had begun may lie about. */
  readonly takenOver: boolean;
  /** Has others read what it is held for, by `noteOfHolder`, in place of an earlier note. */
  note(value: object): Promise<void>;
  release(): Promise<void>;
}

/**
 * Takes the lock or fails with `LOCKED`, naming who has it. `base` gives two files: `<base>.db`, on which
 * SQLite holds a lock of the operating system (one that ends with its process, however that ends),
 * and `<base>.json`, which says who holds it and stays behind when that process is killed.
 */
export async function acquireLock(host: Host, base: string, command: string): Promise<Lock> {
  await mkdir(dirname(base), { recursive: true, mode: 0o700 });
  const database = await lockExclusively(host, base);
  try {
    const left = await readHolder(base);
    // Only who has the lock writes it: what is there is of one that was killed.
    await removeTemporary(dirname(base), `${basename(base)}.json`);
    const self = await identifyProcess(host, host.pid);
    if (self === undefined) throw new Error("this process is not in the process table");
    const write = async (holder: Holder): Promise<void> =>
      writeFileAtomic(`${base}.json`, JSON.stringify(holder), { mode: 0o600 });
    await write({ process: self, command });
    return {
      takenOver: left !== "none",
      note: (note) => write({ process: self, command, note }),
      release: async () => {
        await rm(`${base}.json`, { force: true });
        database.close();
      },
    };
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Whether a process that no longer runs has left its mark: something was cut off half-way. */
export async function hasStaleLock(host: Host, base: string): Promise<boolean> {
  const holder = await readHolder(base);
  if (holder === "none") return false;
  return holder === "unreadable" || !(await isAlive(host, holder.process));
}

/** Whether a process has it now, whoever that is: its note may not be ours to read. One that cannot be asked about counts as held. */
export function isLockHeld(base: string): boolean {
  if (!existsSync(`${base}.db`)) return false;
  try {
    using database = new DatabaseSync(`${base}.db`, { readOnly: true, timeout: 0 });
    // Any reading takes SQLite's shared lock, which an exclusive one keeps out.
    database.exec("SELECT count(*) FROM sqlite_schema");
    return false;
  } catch {
    return true;
  }
}

/** What the process that has it now has noted; undefined also where none has it. The form is for the caller to check. */
export async function noteOfHolder(base: string): Promise<unknown> {
  const holder = isLockHeld(base) ? await readHolder(base) : undefined;
  return typeof holder === "object" ? holder.note : undefined;
}

/** `isLockHeld` keeps the lock from others for less: nobody is to fail for that. */
const GLANCE_MS = 5;

async function lockExclusively(host: Host, base: string): Promise<DatabaseSync> {
  makeForAll(`${base}.db`);
  const database = new DatabaseSync(`${base}.db`, { timeout: GLANCE_MS });
  try {
    // Nothing is ever written to it: the transaction is the lock.
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    return database;
  } catch (error) {
    database.close();
    if (!isBusy(error)) throw error;
    throw await lockedError(host, base);
  }
}

/** SQLITE_BUSY, https://www.sqlite.org/rescode.html#busy */
function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === 5;
}

/**
 * Makes the file that is not there yet, for all who may write into its folder. SQLite's own mode is 0644, and of those who may
 * only read a file several get its lock at once, without a word (seen with two users).
 */
function makeForAll(path: string): void {
  const { mode } = statSync(dirname(path));
  let file;
  try {
    file = openSync(path, "wx", 0o600);
  } catch (error) {
    if (isErrno(error, "EEXIST")) return;
    throw error;
  }
  // Without a pause: a lock that this process takes on the file before it is closed would end with the closing (fcntl(2)).
  fchmodSync(file, mode & 0o666);
  closeSync(file);
}

async function lockedError(host: Host, base: string): Promise<StackError> {
  const holder = await readHolder(base);
  const known = typeof holder === "object" && (await isAlive(host, holder.process));
  return new StackError("LOCKED", {
    what: known
      ? `Another command (${holder.command}, process ${holder.process.pid}) is working on this stack.`
      : "Another command is working on this stack.",
    next: known ? `wait for it, or end it: kill ${holder.process.pid}` : "wait for it to end",
  });
}

async function readHolder(base: string): Promise<Holder | "none" | "unreadable"> {
  try {
    const text = await readFile(`${base}.json`, "utf8");
    return holderSchema.parse(JSON.parse(text));
  } catch (error) {
    if (isErrno(error, "ENOENT")) return "none";
    return "unreadable";
  }
}
