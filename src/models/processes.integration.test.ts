import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, mkdir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { fakeRegistry, type FakeRegistry } from "../testing/fake-registry.ts";
import { testHost, type TestHost } from "../testing/test-host.ts";
import { tinyGguf } from "../testing/tiny-gguf.ts";
import { canMount, mountSmallDisk, type SmallDisk } from "../testing/tmpfs.ts";
import { parseReference } from "./reference.ts";
import { openStore, type Store } from "./store.ts";

// Real processes, as they are killed and started again by people and machines.
const child = fileURLToPath(new URL("../testing/pull-child.ts", import.meta.url));
const weights = tinyGguf({ weightBytes: 12_000_000 });

let world: TestHost;
let registry: FakeRegistry;
let reference: string;
let weightsDigest: string;
let store: Store;
const running = new Set<ChildProcess>();

beforeEach(async () => {
  world = await testHost();
  registry = await fakeRegistry();
  const { digests } = registry.addModel("library/m", "v1", weights);
  weightsDigest = digests[1] ?? "";
  reference = `ollama:${registry.address}/library/m:v1`;
  store = openStore(world.context);
});
afterEach(async () => {
  for (const process of running) process.kill("SIGKILL");
  running.clear();
  await registry[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

const GROUP = 54_321;
const USERS = [54_322, 54_323] as const;

/** Whether this machine lets us run our own code as another user. */
function othersCanRun(): boolean {
  if (process.getuid?.() !== 0) return false;
  const options = { uid: USERS[0], gid: GROUP, stdio: "ignore" } as const;
  return spawnSync(process.execPath, ["--check", child], options).status === 0;
}

interface Child {
  readonly process: ChildProcess;
  readonly output: () => string;
  readonly ended: Promise<unknown>;
}

interface Run {
  readonly umask?: string;
  readonly uid?: number;
  readonly gid?: number;
}

function start(env: Readonly<Record<string, string>> = {}, as: Run = {}): Child {
  const { umask = process.umask().toString(8), ...user } = as;
  const line = [`umask ${umask}; exec "$@"`, "sh", process.execPath, child, reference];
  const process_ = spawn("/bin/sh", ["-c", ...line], {
    ...user,
    env: { PATH: process.env["PATH"], HOME: world.home, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  running.add(process_);
  let output = "";
  process_.stdout.on("data", (chunk) => {
    output += String(chunk);
  });
  const ended = once(process_, "exit").finally(() => running.delete(process_));
  return { process: process_, output: () => output, ended };
}

const partial = (): string =>
  join(store.root, "blobs", `${weightsDigest.replace(":", "-")}.partial`);

async function partialOf(bytes: number): Promise<void> {
  await vi.waitFor(
    async () => {
      expect((await stat(partial())).size).toBeGreaterThanOrEqual(bytes);
    },
    { timeout: 20_000, interval: 5 },
  );
}

async function expectSound(): Promise<void> {
  expect(await store.find(parseReference(reference))).toBeDefined();
  expect((await store.verify()).bad).toEqual([]);
  const blobs = await readdir(join(store.root, "blobs"));
  expect(blobs.filter((name) => !/^sha256-[0-9a-f]{64}$/.test(name))).toEqual([]);
}

const blobRequests = (): readonly (string | undefined)[] =>
  registry.files.requests
    .filter(({ path }) => path.endsWith(weightsDigest))
    .map(({ range }) => range);

describe("a process that fetches", () => {
  it("is killed with -9 again and again; the next one goes on and ends whole", async () => {
    for (const afterBytes of [3_000_000, 3_000_000]) {
      registry.faultBlob("library/m", weightsDigest, { kind: "stall", afterBytes });
      const before = await stat(partial()).then(
        ({ size }) => size,
        () => 0,
      );
      const { process: victim, ended } = start();
      await partialOf(before + 2_000_000);
      victim.kill("SIGKILL");
      await ended;
      expect(await store.list()).toEqual([]);
    }
    const { size } = await stat(partial());
    const last = start();
    await last.ended;
    expect(last.output()).toContain("done");
    expect(blobRequests().at(-1)).toBe(`bytes=${size}-`);
    await expectSound();
  });

  it("is interrupted by Ctrl-C: leaves nothing but what can go on", async () => {
    registry.faultBlob("library/m", weightsDigest, { kind: "stall", afterBytes: 5_000_000 });
    const first = start();
    await partialOf(2_000_000);
    first.process.kill("SIGINT");
    await first.ended;
    expect(first.output()).toContain("error INTERRUPTED");
    expect(await store.list()).toEqual([]);
    expect(await readdir(join(store.root, "manifests"))).toEqual([]);
    const left = await readdir(join(store.root, "locks"));
    expect(left.filter((name) => name.endsWith(".json"))).toEqual([]);
    await start().ended;
    await expectSound();
  });

  it("shares the work with another that wants the same model", async () => {
    const both = [start(), start()];
    await Promise.all(both.map(({ ended }) => ended));
    for (const { output } of both) expect(output()).toContain("done");
    expect(blobRequests()).toEqual([undefined]);
    await expectSound();
  });

  it("takes over at once from one that was killed while the other waited", async () => {
    registry.faultBlob("library/m", weightsDigest, { kind: "stall", afterBytes: 4_000_000 });
    const first = start();
    await partialOf(2_000_000);
    const second = start();
    first.process.kill("SIGKILL");
    await Promise.all([first.ended, second.ended]);
    expect(second.output()).toContain("done");
    await expectSound();
  });
});

async function modesOf(folders: readonly string[]): Promise<readonly string[]> {
  const found = await Promise.all(folders.map((each) => stat(each)));
  return found.map(({ mode }) => (mode & 0o7777).toString(8));
}

describe("the folders of the store", () => {
  const folders = (root: string): readonly string[] =>
    ["", "blobs", "manifests", "index", "locks"].map((name) => join(root, name));

  it.each([
    ["077", "755"],
    ["022", "755"],
    ["002", "775"],
  ])("are readable for every user with the umask %s: %s", async (umask, mode) => {
    await start({}, { umask }).ended;
    expect(await modesOf(folders(store.root))).toEqual([mode, mode, mode, mode, mode]);
    // What is above the store is nobody's business but its user's.
    const above = join(world.home, ".local");
    expect(await modesOf([above])).toEqual([(0o777 & ~Number.parseInt(umask, 8)).toString(8)]);
  });

  it("of a team keep their mode, and new ones are the team's too", async () => {
    const team = join(world.home, "team");
    await mkdir(team);
    await chmod(team, 0o2775);
    await start({ STACK_MODELS_DIR: `${team}/` }, { umask: "002" }).ended;
    expect(await modesOf(folders(team))).toEqual(["2775", "2775", "2775", "2775", "2775"]);
  });

  it.skipIf(!othersCanRun())(
    "of a team take what a second user fetches (needs root, and a clone that others may read)",
    async () => {
      const team = join(world.home, "team");
      await chmod(world.home, 0o777);
      await mkdir(team);
      await chown(team, 0, GROUP);
      await chmod(team, 0o2775);
      const env = { STACK_MODELS_DIR: team };
      const users = USERS.map((uid) => ({ umask: "002", uid, gid: GROUP }));
      await start({ ...env, HOME: join(world.home, "a") }, users[0]).ended;
      registry.addModel("library/m", "v2", tinyGguf({ weightBytes: 1000 }));
      reference = reference.replace(/:v1$/, ":v2");
      const second = start({ ...env, HOME: join(world.home, "b") }, users[1]);
      await second.ended;
      expect(second.output()).toMatch(/done\n$/);
    },
  );
});

describe.skipIf(!canMount())("on a disk of 8 MB (needs root and tmpfs)", () => {
  let disk: string;
  let small: SmallDisk;
  beforeEach(() => {
    disk = join(world.home, "disk");
    small = mountSmallDisk(disk, 8);
    store = openStore({
      ...world.context,
      host: { ...world.host, env: { STACK_MODELS_DIR: disk } },
    });
  });
  afterEach(() => small.unmount());

  it("says before the first byte that it does not fit", async () => {
    const run = start({ STACK_MODELS_DIR: disk });
    await run.ended;
    expect(run.output()).toContain("error DOES_NOT_FIT");
    expect(blobRequests()).toEqual([]);
    expect(await store.list()).toEqual([]);
  });

  it("goes on when there is room again", async () => {
    small.resize(40);
    registry.faultBlob("library/m", weightsDigest, { kind: "stall", afterBytes: 4_000_000 });
    const run = start({ STACK_MODELS_DIR: disk });
    await partialOf(2_000_000);
    small.resize(6);
    run.process.kill("SIGKILL");
    await run.ended;
    const full = start({ STACK_MODELS_DIR: disk });
    await full.ended;
    expect(full.output()).toContain("error DOES_NOT_FIT");
    expect(await store.list()).toEqual([]);
    small.resize(40);
    const last = start({ STACK_MODELS_DIR: disk });
    await last.ended;
    expect(last.output()).toContain("done");
    expect(blobRequests().at(-1)).toMatch(/^bytes=\d+-$/);
    await expectSound();
  });
});
