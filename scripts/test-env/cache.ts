import { mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** What is slow to make and survives runs: root file systems, daemons' data, images, the registry's model. */
export const CACHE = process.env["STACK_TEST_CACHE"] ?? join(homedir(), ".cache", "stack-test");

/** Sockets, pids and what else ends with the machine's uptime. Short, because socket paths may have 107 bytes. */
export const RUN = "/run/stack-test";

/** A folder under the cache, made if need be. */
export function cacheFolder(...parts: readonly string[]): string {
  const folder = join(CACHE, ...parts);
  mkdirSync(folder, { recursive: true });
  return folder;
}
