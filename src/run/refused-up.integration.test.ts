import { createHash } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { llamacpp } from "../engines/llamacpp.ts";
import { hostMemory } from "../host/memory.ts";
import { createHost } from "../host/real-host.ts";
import type { Host } from "../host/host.ts";
import { xdgPaths } from "../host/xdg.ts";
import { LABEL } from "../plan/labels.ts";
import { GATEWAY_IMAGE } from "../offline/gateway-container.ts";
import { type FakeDocker, fakeDocker } from "../testing/fake-docker.ts";
import { json } from "../testing/fake-docker-state.ts";
import { fakeFiles } from "../testing/fake-files.ts";
import { OWN_ENDPOINT, type OwnStack, runsEmbedded } from "../testing/own-stack.ts";
import {
  type CliResult,
  lastJson,
  type StackCommand,
  stackCommand,
} from "../testing/stack-command.ts";
import { costlyGguf, tinyGguf } from "../testing/tiny-gguf.ts";
import { tinyZip } from "../testing/tiny-zip.ts";
import type { FitReport } from "./stack-fit.ts";
import { type StackFolder, stackFolder, writeEndpoint } from "./stack-folder.ts";

/** A hundred thousand tokens are 400 GB. */
const HUGE = costlyGguf(1024, 100_000);
/** A token takes a MiB. */
const MODEL = costlyGguf(512, 1_000_000);

let docker: FakeDocker;
beforeEach(async () => {
  docker = await fakeDocker();
  docker.images.set(llamacpp.image.built, `sha256:${"1".repeat(64)}`);
  docker.images.set(GATEWAY_IMAGE.built, `sha256:${"2".repeat(64)}`);
});
afterEach(() => docker[Symbol.asyncDispose]());

const hostOf = (cli: StackCommand): Host => ({
  ...createHost(cli.env),
  paths: xdgPaths(cli.env, cli.home),
});

/** Arguments for a context of that which needs all of the memory but for some hundred MB. */
function nearlyAll(totalBytes: number): readonly string[] {
  const tokens = Math.floor((0.985 * totalBytes - 600e6) / 2 ** 20 / 256) * 256;
  return ["--context", `${tokens}`];
}

interface BesideContainers extends AsyncDisposable {
  readonly docker: FakeDocker;
  readonly folder: StackFolder;
  readonly up: (engine: string, ...more: readonly string[]) => Promise<CliResult>;
  /** How much of the machine's memory each of them has. */
  readonly holds: (bytes: number) => void;
  /** Whether they can be removed; at first not. */
  readonly lets: (remove: boolean) => void;
}

/** Containers of a stack whose endpoint is not there: its engine never answered. */
async function besideContainers(
  memoryBytes = 8e9,
  ...more: readonly string[]
): Promise<BesideContainers> {
  const own = await fakeDocker({ memoryBytes });
  for (const [name, id] of docker.images) own.images.set(name, id);
  let removes = false;
  const kinds = { containers: own.containers, networks: own.networks } as const;
  for (const [kind, all] of Object.entries(kinds)) {
    own.fault(`DELETE /${kind}/`, ({ path }, response) => {
      const wanted = path.split("/")[2];
      if (removes) for (const [key, { id }] of all) if (id === wanted) all.delete(key);
      response.writeHead(204).end();
    });
  }
  const cli = await stackCommand({ DOCKER_HOST: own.host });
  await writeFile(join(cli.home, "m.gguf"), MODEL);
  const up: BesideContainers["up"] = (engine, ...args) =>
    cli.run("up", engine, "--model", "file:m.gguf", "--json", ...args);
  await up("llamacpp", "--timeout", "1", ...(more.length === 0 ? ["--context", "512"] : more));
  return {
    docker: own,
    folder: stackFolder(hostOf(cli), "default"),
    up,
    holds: (usage) => {
      for (const { id } of own.containers.values()) {
        own.fault(`GET /containers/${id}/stats`, (_, response) =>
          json(response, 200, { memory_stats: { usage } }),
        );
      }
    },
    lets: (remove) => {
      removes = remove;
    },
    [Symbol.asyncDispose]: async () => {
      await cli[Symbol.asyncDispose]();
      await own[Symbol.asyncDispose]();
    },
  };
}

/** A command in whose home the embedded engine runs. */
async function besideEmbedded(
  env: Readonly<Record<string, string>> = {},
  change?: Parameters<typeof runsEmbedded>[1],
): Promise<AsyncDisposable & { readonly cli: StackCommand; readonly own: OwnStack }> {
  const cli = await stackCommand({ DOCKER_HOST: docker.host, ...env });
  await writeFile(join(cli.home, "m.gguf"), tinyGguf({ context: 4096 }));
  const own = await runsEmbedded(hostOf(cli), change);
  return {
    cli,
    own,
    [Symbol.asyncDispose]: async () => {
      own[Symbol.dispose]();
      await cli[Symbol.asyncDispose]();
    },
  };
}

describe("what runs is still there after an `up` that is refused", () => {
  it("as too large, which only the fetch could tell", async () => {
    await using index = await fakeFiles();
    const wheel = tinyZip([
      { name: "m/model.gguf", content: HUGE },
      { name: "m-1.0.dist-info/METADATA", content: "Name: m\nVersion: 1.0\n" },
    ]);
    index.serve("/files/m-1.0-py3-none-any.whl", { body: wheel });
    const sha256 = createHash("sha256").update(wheel).digest("hex");
    const file = {
      filename: "m-1.0-py3-none-any.whl",
      url: "../../files/m-1.0-py3-none-any.whl",
      hashes: { sha256 },
    };
    const headers = { "content-type": "application/vnd.pypi.simple.v1+json" };
    const body = Buffer.from(
      JSON.stringify({ meta: { "api-version": "1.0" }, name: "m", files: [file] }),
    );
    index.serve("/simple/m/", { body, headers });
    await using rig = await besideEmbedded({ PIP_INDEX_URL: `${index.url}/simple/` });
    const result = await rig.cli.run("up", "--model", "pypi:m", "--context", "100000", "--json");
    expect(lastJson(result)).toMatchObject({ code: "DOES_NOT_FIT", exitCode: 8 });
    expect(rig.own.alive()).toBe(true);
  });

  it("because the engine's container could not read the model store", async () => {
    await using rig = await besideEmbedded({ STACK_MODELS_DIR: "models" });
    await mkdir(join(rig.cli.home, "models"));
    await chmod(join(rig.cli.home, "models"), 0o700);
    const asked = ["up", "llamacpp", "--model", "file:m.gguf", "--context", "512", "--json"];
    const result = await rig.cli.run(...asked);
    expect(lastJson(result)).toMatchObject({
      code: "MODEL_UNAVAILABLE",
      next: expect.stringMatching(/^chmod o\+rx \S+\/models$/),
    });
    expect(rig.own.alive()).toBe(true);
  });

  it("for a GPU that the embedded engine can't use", async () => {
    await using rig = await besideEmbedded();
    const asked = ["up", "embedded", "--model", "file:m.gguf", "--context", "512", "--json"];
    const result = await rig.cli.run(...asked, "--gpu", "all");
    expect(lastJson(result)).toMatchObject({ code: "GPU_UNUSABLE", exitCode: 4 });
    expect(rig.own.alive()).toBe(true);
  });
});

it("what runs is what is meant after a `kill -9` of an `up` that had only begun to fetch", async () => {
  docker.images.clear();
  docker.fault("POST /images/create", () => {});
  await using rig = await besideEmbedded();
  const child = rig.cli.start("up", "llamacpp", "--model", "file:m.gguf", "--context", "512");
  while (!docker.requests.some(({ path }) => path === "/images/create")) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  child.kill("SIGKILL");
  await child.result;
  for (const command of ["restart", "up"]) {
    const planned = lastJson(await rig.cli.run(command, "--dry-run", "--json"));
    expect(planned).toMatchObject({ engine: "embedded" });
  }
});

it("why an `up` failed is told, also where the settings of before can't be put back", async () => {
  await using rig = await besideEmbedded();
  const file = join(stackFolder(hostOf(rig.cli), "default").path, "settings.json");
  docker.fault("POST /networks/create", (_, response) => {
    rmSync(file, { recursive: true, force: true });
    mkdirSync(file, { recursive: true });
    json(response, 500, { message: "no networks today" });
  });
  const asked = ["up", "llamacpp", "--model", "file:m.gguf", "--context", "512", "--json"];
  const result = await rig.cli.run(...asked);
  expect(lastJson(result)).toMatchObject({
    code: "DOCKER_FAILED",
    why: expect.stringContaining("no networks today"),
  });
  expect(result.stdout).toMatch(/"warning".*settings of default could not be put back/);
});

it.each<[string, (port: number) => Parameters<typeof runsEmbedded>[1]]>([
  ["where the endpoint is lost", (port) => ({ process: { port } })],
  [
    "by its endpoint, as an older version left it",
    (port) => ({ endpoint: { apiBase: `http://127.0.0.1:${port}/v1` } }),
  ],
])("the stack's own port is free for another engine in its place: %s", async (_title, left) => {
  const server = createServer();
  const port = await new Promise<number>((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port));
  });
  await using rig = await besideEmbedded({}, left(port));
  const asked = ["up", "llamacpp", "--model", "file:m.gguf", "--context", "512", "--dry-run"];
  const result = await rig.cli.run(...asked, "--port", `${port}`);
  server.close();
  expect(result).toMatchObject({ exitCode: 0 });
});

describe("containers that are there", () => {
  it("are seen by an engine without any, also where the endpoint is lost", async () => {
    await using rig = await besideContainers();
    const planned = lastJson(await rig.up("embedded", "--context", "512", "--dry-run"));
    expect(planned["steps"]).toContainEqual(expect.objectContaining({ id: "clear" }));
  });

  it("are not taken for ready by the endpoint of a server that was adopted meanwhile", async () => {
    await using rig = await besideContainers();
    await writeEndpoint(rig.folder, { ...OWN_ENDPOINT, engine: "openai", adopted: true });
    const planned = lastJson(await rig.up("llamacpp", "--context", "512", "--dry-run"));
    expect(planned["steps"]).toEqual([expect.objectContaining({ id: "gate" })]);
  });

  it("count as free when they are replaced, also where only one of them has died", async () => {
    const { totalBytes, freeBytes } = await hostMemory();
    await using rig = await besideContainers(totalBytes, "--overcommit", ...nearlyAll(totalBytes));
    rig.holds(totalBytes);
    rig.docker.exit("stack-default-gateway", 137);
    const planned = lastJson(await rig.up("llamacpp", ...nearlyAll(totalBytes), "--dry-run"));
    expect((planned["fit"] as FitReport).needed?.total).toBeGreaterThan(freeBytes);
    rig.lets(true);
    // Nothing answers in them: it is begun, and not refused.
    const begun = await rig.up("llamacpp", "--timeout", "1", ...nearlyAll(totalBytes));
    expect(lastJson(begun)).toMatchObject({ code: "NOT_READY" });
  });
});

describe("the context that `auto` finds", () => {
  const contextWith = async (
    runs: (home: string) => Parameters<typeof runsEmbedded>[1],
    ...more: readonly string[]
  ): Promise<number> => {
    const cli = await stackCommand({ DOCKER_HOST: docker.host });
    await writeFile(join(cli.home, "m.gguf"), MODEL);
    using own = await runsEmbedded(hostOf(cli), runs(cli.home));
    expect(own.alive()).toBe(true);
    const asked = ["--model", "file:m.gguf", "--context", "auto", "--dry-run", "--json"];
    const { fit } = lastJson(await cli.run("up", ...asked, ...more));
    await cli[Symbol.asyncDispose]();
    return (fit as FitReport).context;
  };
  const same = (home: string) => ({ reference: `file:${home}/m.gguf`, contextWindow: 1024 });

  it("is found anew where it was chosen before, and where what runs is replaced in any case", async () => {
    expect(await contextWith((home) => ({ endpoint: same(home) }))).toBeGreaterThan(1024);
    const found = (home: string) => ({ endpoint: same(home), process: { foundContext: 1024 } });
    expect(await contextWith(found, "--parallel", "2")).toBeGreaterThan(1024);
  });

  it("stays as long as what runs does, whatever memory is free by then", async () => {
    const { totalBytes } = await hostMemory();
    await using rig = await besideContainers(totalBytes, "--context", "auto");
    const found = [...rig.docker.containers.values()]
      .map(({ body }) => body.Labels?.[LABEL.foundContext])
      .find((each) => each !== undefined);
    const clears = async (...args: readonly string[]): Promise<boolean> => {
      const { steps } = lastJson(await rig.up("llamacpp", "--dry-run", ...args));
      return (steps as readonly { id: string }[]).some(({ id }) => id === "clear");
    };
    // The first of them holds nearly all of the memory, as far as the daemon says.
    rig.holds(totalBytes);
    expect(await clears("--context", "auto")).toBe(false);
    expect(await clears("--context", found ?? "")).toBe(false);
    expect(await clears("--context", "auto", "--parallel", "2")).toBe(true);
  });
});
