import { randomBytes } from "node:crypto";
import { homedir } from "node:os";
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import type { Clock, Host } from "./host.ts";
import { xdgPaths } from "./xdg.ts";

const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: async (ms, signal) => {
    try {
      await delay(ms, undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      // node:timers wraps the reason in an AbortError; waiters want the reason itself.
      throw signal?.aborted === true ? signal.reason : error;
    }
  },
};

/** The machine we run on. Programs are started through execa, which is loaded at the first start. */
export function createHost(environment: Host["env"] = process.env): Host {
  const env: Host["env"] = { ...environment };
  const home = env["HOME"] !== undefined && env["HOME"] !== "" ? env["HOME"] : homedir();
  const { getuid, getgid } = process;
  return {
    env,
    platform: process.platform,
    arch: process.arch,
    pid: process.pid,
    cwd: process.cwd(),
    user:
      getuid === undefined || getgid === undefined ? undefined : { uid: getuid(), gid: getgid() },
    paths: xdgPaths(env, home),
    clock: realClock,
    fetch: (input, init) => fetch(input, init),
    exec: async (file, args, options) => {
      const { run } = await import("./exec.ts");
      return run(file, args, { ...options, env: { ...defined(env), ...options?.env } });
    },
    spawnDetached: async (file, args, options) => {
      const { spawnDetached } = await import("./spawn-detached.ts");
      return spawnDetached(file, args, { ...options, env: { ...defined(env), ...options.env } });
    },
    randomHex: (bytes) => randomBytes(bytes).toString("hex"),
  };
}

function defined(env: Host["env"]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
