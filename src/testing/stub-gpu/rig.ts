import { existsSync } from "node:fs";
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Runtime } from "../../docker/runtime.ts";
import { RECORDINGS } from "./recordings.ts";

/** How the daemon of a test hands the stub out. */
export type Way = "cdi" | "runtime";

export interface StubGpu extends AsyncDisposable {
  /** What nvidia-smi says from now on, in running containers too. */
  says(recording: keyof typeof RECORDINGS): Promise<void>;
  /** Takes away what the CDI file or the runtime would add, and leaves them as they are. */
  empty(): Promise<void>;
}

const HERE = import.meta.dirname;

/** Only a daemon of scripts/docker-engine.ts lets itself be deceived, and an old one knows no CDI. */
export async function canStubGpu(runtime: Runtime, way: Way): Promise<boolean> {
  if (way === "cdi") return (await cdiFolder(runtime)) !== undefined;
  const run = daemonFolder(runtime.address);
  return run !== undefined && existsSync(join(run, "daemon.json"));
}

/** A GPU that isn't there: a CDI file for daemons that read them, or a runtime `nvidia`. Gone when the scope ends. */
export async function stubGpu(runtime: Runtime, way: Way): Promise<StubGpu> {
  const run = daemonFolder(runtime.address);
  const cdiDir = await cdiFolder(runtime);
  if (run === undefined) throw new Error(`${runtime.address} is no test engine`);
  const folder = join(run, "gpu");
  const says = join(folder, "says");
  const take = (): Promise<void> => rm(says, { recursive: true, force: true });
  const say: StubGpu["says"] = async (recording) => {
    // The folder stays the same one: it is mounted into what runs.
    await mkdir(says, { recursive: true });
    const parts: Readonly<Record<string, string>> = RECORDINGS[recording];
    for (const file of ["query", "table", "list", "error"]) {
      const text = parts[file];
      if (text === undefined) await rm(join(says, file), { force: true });
      else await writeFile(join(says, file), `${text}\n`);
    }
  };
  await mkdir(folder, { recursive: true });
  for (const name of ["nvidia-smi", "nvidia-runtime"]) {
    // Executable as it lies in the repository.
    await copyFile(join(HERE, `${name}.sh`), join(folder, name));
  }
  await say("one GPU");
  const undo =
    way === "cdi"
      ? await offerCdi(runtime, cdiDir ?? "", folder)
      : await offerRuntime(runtime, run, folder);
  return {
    says: say,
    empty: take,
    async [Symbol.asyncDispose]() {
      await undo();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Where scripts/docker-engine.ts keeps what belongs to a daemon. */
function daemonFolder(address: string): string | undefined {
  const socket = address.replace(/^unix:\/\//, "");
  return socket.startsWith("/run/stack-test/") ? dirname(socket) : undefined;
}

async function cdiFolder(runtime: Runtime): Promise<string | undefined> {
  const { cdiSpecDirs } = await runtime.facts();
  return cdiSpecDirs.find((each) => each.startsWith("/run/stack-test/"));
}

async function offerCdi(
  runtime: Runtime,
  cdiDir: string,
  folder: string,
): Promise<() => Promise<void>> {
  const mount = (hostPath: string, containerPath: string): object => ({
    hostPath: join(folder, hostPath),
    containerPath,
    options: ["ro", "nosuid", "nodev", "bind"],
  });
  const device = (name: string): object => ({
    name,
    containerEdits: { deviceNodes: [{ path: "/dev/nvidia0", hostPath: "/dev/null" }] },
  });
  const spec = {
    cdiVersion: "0.6.0",
    kind: "nvidia.com/gpu",
    devices: ["0", "all"].map(device),
    containerEdits: {
      mounts: [mount("nvidia-smi", "/usr/bin/nvidia-smi"), mount("says", "/var/lib/stub-gpu")],
    },
  };
  const file = join(cdiDir, "stack-stub.json");
  await mkdir(cdiDir, { recursive: true });
  await writeFile(file, JSON.stringify(spec));
  await until(runtime, ({ discoveredDevices }) => discoveredDevices.includes("nvidia.com/gpu=all"));
  return async () => {
    await rm(file, { force: true });
    await until(runtime, ({ discoveredDevices }) => discoveredDevices.length === 0);
  };
}

async function offerRuntime(
  runtime: Runtime,
  run: string,
  folder: string,
): Promise<() => Promise<void>> {
  const reload = async (config: object): Promise<void> => {
    await writeFile(join(run, "daemon.json"), JSON.stringify(config));
    process.kill(Number(await readFile(join(run, "docker.pid"), "utf8")), "SIGHUP");
  };
  await reload({ runtimes: { nvidia: { path: join(folder, "nvidia-runtime") } } });
  await until(runtime, ({ runtimes }) => runtimes.includes("nvidia"));
  return async () => {
    await reload({ runtimes: {} });
    await until(runtime, ({ runtimes }) => !runtimes.includes("nvidia"));
  };
}

async function until(
  runtime: Runtime,
  done: (facts: Awaited<ReturnType<Runtime["facts"]>>) => boolean,
): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!done(await runtime.facts())) {
    if (performance.now() > deadline) throw new Error("the daemon took no notice of the stub GPU");
    await sleep(50);
  }
}
