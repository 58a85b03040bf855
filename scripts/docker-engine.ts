#!/usr/bin/env node
// node scripts/docker-engine.ts start 20.10|28.5 · stop · status · env
// Real Docker Engines for the e2e tests, each from Debian's packages in a root file system of its own, so that the
// machine itself gets nothing but debootstrap. Needs root. One at a time: two would fight over docker0 and iptables.
import { mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { $ } from "zx";
import { CACHE, cacheFolder, RUN } from "./test-env/cache.ts";
import { programOf, runningDaemon, startDaemon, stopDaemon, until } from "./test-env/daemon.ts";
import { debianRootfs, IN_ROOTFS, rootfsCommand } from "./test-env/debian.ts";
import { answers, tail } from "./test-env/probe.ts";
import { runScript } from "./test-env/run-script.ts";

const ENGINES = {
  "20.10": { suite: "bookworm", packages: ["docker.io", "iptables"], options: {} },
  "28.5": {
    suite: "sid",
    packages: ["docker.io", "docker-cli", "docker-compose", "iptables"],
    options: { "cdi-spec-dir": join(RUN, "cdi") },
  },
} as const satisfies Record<string, Engine>;
interface Engine {
  readonly suite: string;
  readonly packages: readonly string[];
  readonly options: Readonly<Record<string, string>>;
}
type Version = keyof typeof ENGINES;

/** Whose `docker` and `docker compose` drive both engines: the client speaks every older API. */
const CLIENT: Version = "28.5";
const RECORD = join(RUN, "engine.json");

async function main(): Promise<void> {
  const [command, version] = process.argv.slice(2);
  if (command === "start" && isVersion(version)) await start(version);
  else if (command === "stop") await stop();
  else if (command === "status") console.log(JSON.stringify(status()));
  else if (command === "env") console.log(environment());
  else
    throw new Error(
      `usage: docker-engine.ts start ${Object.keys(ENGINES).join("|")} | stop | status | env`,
    );
}

async function start(version: Version): Promise<void> {
  const current = runningDaemon(RECORD);
  if (current !== undefined && current.note !== version) await stop();
  if (current?.note !== version) {
    refuseForeignDaemon();
    await prepare(CLIENT);
    await prepare(version);
    await launch(version);
  }
  const socket = socketOf(version);
  const { Version: actual } = await answers<{ Version: string }>(socket, "/version");
  if (!actual.startsWith(`${version}.`)) {
    await stop();
    throw new Error(
      `Debian ${ENGINES[version].suite} now has Engine ${actual}, not ${version}: ` +
        `delete ${rootfsOf(version)} and set STACK_TEST_MIRROR to a snapshot that still has it`,
    );
  }
  console.error(`Docker Engine ${actual} on ${socket}`);
  console.log(environment());
}

async function prepare(version: Version): Promise<void> {
  const { suite, packages } = ENGINES[version];
  await debianRootfs(rootfsOf(version), suite, packages);
  if (version !== CLIENT) return;
  const bin = cacheFolder("bin");
  writeFileSync(join(bin, "in-rootfs"), readFileSync(IN_ROOTFS), { mode: 0o755 });
  const docker = `#!/bin/sh\nexec "${join(bin, "in-rootfs")}" "${rootfsOf(version)}" docker "$@"\n`;
  writeFileSync(join(bin, "docker"), docker, { mode: 0o755 });
}

async function launch(version: Version): Promise<void> {
  const run = join(RUN, version);
  mkdirSync(run, { recursive: true });
  // Tests write a runtime into it, and CDI files beside it, and take them away again.
  const configFile = join(run, "daemon.json");
  writeFileSync(configFile, "{}");
  mkdirSync(join(RUN, "cdi"), { recursive: true });
  const logFile = join(cacheFolder("engines", version), "daemon.log");
  const options = {
    host: `unix://${socketOf(version)}`,
    pidfile: join(run, "docker.pid"),
    "config-file": configFile,
    "data-root": cacheFolder("engines", version, "data"),
    "exec-root": join(run, "exec"),
    ...ENGINES[version].options,
  };
  const dockerd = [
    "dockerd",
    ...Object.entries(options).map(([name, value]) => `--${name}=${value}`),
  ];
  const daemon = startDaemon(RECORD, version, logFile, rootfsCommand(rootfsOf(version), dockerd));
  try {
    await until(
      async () => {
        if (runningDaemon(RECORD) === undefined)
          throw new Error(`dockerd (pid ${daemon.pid}) ended`);
        return answers(socketOf(version), "/_ping").then(Boolean, () => false);
      },
      60,
      "the daemon's socket",
    );
  } catch (error) {
    await stop();
    throw new Error(`Engine ${version} did not start. The end of ${logFile}:\n${tail(logFile)}`, {
      cause: error,
    });
  }
}

/** Ends the daemon and what it left in its mount namespace, and with the namespace its mounts. */
async function stop(): Promise<void> {
  const daemon = runningDaemon(RECORD);
  if (daemon === undefined) return rmSync(RECORD, { force: true });
  const namespace = mountNamespace(String(daemon.pid));
  await stopDaemon(RECORD, 90);
  const left = readdirSync("/proc").filter(
    (pid) => /^\d+$/.test(pid) && namespace !== undefined && mountNamespace(pid) === namespace,
  );
  // One of them may end by itself while we look.
  await $({ nothrow: true, quiet: true })`kill -KILL ${left}`;
  await $({ nothrow: true, quiet: true })`ip link delete docker0`;
  rmSync(join(RUN, daemon.note), { recursive: true, force: true });
  console.error(`Docker Engine ${daemon.note} stopped`);
}

function status(): { readonly running: string | null; readonly host: string | null } {
  const version = runningDaemon(RECORD)?.note;
  if (!isVersion(version)) return { running: null, host: null };
  return { running: version, host: `unix://${socketOf(version)}` };
}

/** For `eval`: the socket, and a `docker` with the Compose plugin that sees the host's folders. */
function environment(): string {
  const { host } = status();
  if (host === null) throw new Error("no engine runs: docker-engine.ts start 28.5");
  return `export DOCKER_HOST=${host}\nexport PATH="${join(CACHE, "bin")}:$PATH"`;
}

function refuseForeignDaemon(): void {
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    if (programOf(pid) !== "dockerd") continue;
    throw new Error(`another dockerd runs (pid ${pid}): stop it first, two fight over docker0`);
  }
}

function mountNamespace(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`);
  } catch {
    return undefined;
  }
}

function isVersion(value: string | undefined): value is Version {
  return value !== undefined && Object.hasOwn(ENGINES, value);
}

const rootfsOf = (version: Version): string => join(CACHE, "engines", version, "rootfs");
const socketOf = (version: Version): string => join(RUN, version, "docker.sock");

await runScript(main);
