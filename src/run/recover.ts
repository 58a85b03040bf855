import { readdir } from "node:fs/promises";
import { StackError } from "../errors.ts";
import { isErrno, temporaryOf } from "../host/atomic-write.ts";
import { clearStack } from "./clear-stack.ts";
import type { RunContext } from "../run-context.ts";
import { acquireLock, hasStaleLock } from "../host/lock.ts";
import { locksFolder, readEndpoint, stackFolder } from "./stack-folder.ts";

/**
 * Cleans up behind commands that were killed, for every stack. Every command that looks at stacks begins with it;
 * without anything to clean it reads one folder.
 */
export async function recoverAll(context: RunContext): Promise<void> {
  for (const { name, cutOff } of await lockedNames(context)) {
    const { lockFile } = stackFolder(context.host, name);
    if (!cutOff && !(await hasStaleLock(context.host, lockFile))) continue;
    try {
      const lock = await acquireLock(context.host, lockFile, "stack");
      try {
        if (lock.takenOver) await recover(context, name);
      } finally {
        await lock.release();
      }
    } catch (error) {
      // Another command is at it already, or its daemon can't be asked now: what it left has labels, and is seen when it can.
      if (!(error instanceof StackError) || context.signal.aborted) throw error;
    }
  }
}

/**
 * Behind one killed command, whose lock is held now. What it had finished has an endpoint; anything else it
 * had only begun, and is removed.
 */
export async function recover(context: RunContext, name: string): Promise<void> {
  const folder = stackFolder(context.host, name);
  if ((await readEndpoint(folder)) !== undefined) return;
  const cleared = await clearStack(context, name);
  if (cleared.length > 0) {
    const message = `removed what an earlier command had left half-done: ${cleared.join(", ")}`;
    context.emit({ type: "info", message });
  }
}

interface Locked {
  readonly name: string;
  /** Of one that was killed as it wrote that it has the lock: whoever takes it next removes that. */
  readonly cutOff: boolean;
}

async function lockedNames({ host }: RunContext): Promise<readonly Locked[]> {
  try {
    const files = await readdir(locksFolder(host));
    return files.flatMap((file) => {
      const temporary = temporaryOf(file);
      const [, name] = /^(.+)\.json$/.exec(temporary ?? file) ?? [];
      return name === undefined ? [] : [{ name, cutOff: temporary !== undefined }];
    });
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  }
}
