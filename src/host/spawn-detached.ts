import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import type { DetachedOptions } from "./host.ts";

/**
 * Starts a program in a session of its own, so that neither Ctrl-C nor a closing terminal reaches it.
 * Not through execa: its result promise and exit hooks belong to children that end with their parent.
 */
export async function spawnDetached(
  file: string,
  args: readonly string[],
  options: DetachedOptions,
): Promise<number> {
  await mkdir(dirname(options.logFile), { recursive: true, mode: 0o700 });
  const log = await open(options.logFile, "a", 0o600);
  try {
    const child = spawn(file, [...args], {
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
      ...(options.env === undefined ? {} : { env: { ...options.env } }),
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    await Promise.race([
      once(child, "spawn"),
      once(child, "error").then(([error]) => Promise.reject(error)),
    ]);
    child.unref();
    if (child.pid === undefined) throw new Error(`no process id for ${file}`);
    return child.pid;
  } finally {
    await log.close();
  }
}
