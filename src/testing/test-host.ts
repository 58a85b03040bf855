import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Host } from "../host/host.ts";
import { createHost } from "../host/real-host.ts";
import { xdgPaths } from "../host/xdg.ts";
import type { RunContext } from "../run-context.ts";
import type { StackEvent } from "../events.ts";

export interface TestHost extends AsyncDisposable {
  readonly host: Host;
  readonly home: string;
  /** Everything that was emitted through `context`. */
  readonly events: StackEvent[];
  readonly context: RunContext;
  readonly abort: AbortController;
}

/** A real host whose home and XDG folders are a temp dir, removed when the scope ends (`await using`). The environment is only what is given, and PATH. */
export async function testHost(overrides: Partial<Omit<Host, "paths">> = {}): Promise<TestHost> {
  const home = await mkdtemp(join(tmpdir(), "stack-test-"));
  const env = { PATH: process.env["PATH"], HOME: home, ...overrides.env };
  const real = createHost(env);
  const host: Host = { ...real, cwd: home, ...overrides, env, paths: xdgPaths(env, home) };
  const events: StackEvent[] = [];
  const abort = new AbortController();
  return {
    host,
    home,
    events,
    abort,
    context: { host, signal: abort.signal, emit: (event) => events.push(event) },
    [Symbol.asyncDispose]: () => rm(home, { recursive: true, force: true }),
  };
}
