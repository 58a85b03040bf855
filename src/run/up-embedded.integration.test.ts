import { existsSync } from "node:fs";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Endpoint } from "../endpoint.ts";
import { createHost } from "../host/real-host.ts";
import { isAlive } from "../host/process-identity.ts";
import { lastJson, type StackCommand, stackCommand } from "../testing/stack-command.ts";
import { starterStore } from "../testing/starter-store.ts";

const store = await starterStore();

/** The real command, the real engine and the real starter model; only the download is shared with other runs. */
describe.skipIf(store === undefined)("stack up, embedded", () => {
  let cli: StackCommand;
  const host = createHost();
  const stackDir = (): string => join(cli.home, ".local/state/stack/stacks/default");
  const up = (...more: readonly string[]) => cli.run("up", "--json", ...more);
  const engineProcess = async (): Promise<{ pid: number; started: string }> => {
    const text = await readFile(join(stackDir(), "process.json"), "utf8");
    return (JSON.parse(text) as { process: { pid: number; started: string } }).process;
  };
  const left = async (): Promise<object> => {
    const state = join(cli.home, ".local/state/stack");
    const files = await readdir(state, { recursive: true }).catch(() => []);
    return {
      endpoint: existsSync(join(stackDir(), "endpoint.json")),
      process: existsSync(join(stackDir(), "process.json")),
      locks: files.filter((file) => /^locks\/.*\.json$/.test(file)),
      temporary: files.filter((file) => file.endsWith(".tmp")),
      engines: await enginesOf(stackDir()),
    };
  };
  const nothing = { endpoint: false, process: false, locks: [], temporary: [], engines: [] };

  beforeAll(async () => {
    cli = await stackCommand({
      STACK_MODELS_DIR: store ?? "",
      DOCKER_HOST: "unix:///nowhere/docker.sock",
    });
  });
  afterAll(async () => {
    await cli.run("down");
    const rest = await left();
    await cli[Symbol.asyncDispose]();
    expect(rest).toEqual(nothing);
  });

  it("does what it said it would, answers, and then has nothing to do", async () => {
    const dry = lastJson(await up("--dry-run"));
    expect(dry).toMatchObject({ dryRun: true, changed: false });
    const first = lastJson(await up());
    const ids = (result: Record<string, unknown>): unknown =>
      (result["steps"] as { id: string; title: string }[]).map(({ id, title }) => ({ id, title }));
    expect(ids(first)).toEqual(ids(dry));
    expect(first).toMatchObject({ changed: true });

    const { apiBase, apiKey, model, contextWindow } = first["endpoint"] as Endpoint;
    expect(contextWindow).toBe(8192);
    const answer = await fetch(`${apiBase}/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
      body: JSON.stringify({
        model,
        max_tokens: 8,
        messages: [{ role: "user", content: "Say hello." }],
      }),
    });
    expect(answer.status).toBe(200);
    const { choices } = (await answer.json()) as { choices: { message: { content: string } }[] };
    expect(choices[0]?.message.content).toMatch(/\w/);

    const second = await up();
    expect(lastJson(second)).toMatchObject({ changed: false, steps: [] });
    expect(second.ms).toBeLessThan(1000);
  });

  it("keeps the key in private files only, out of argv, logs and the environment", async () => {
    const key = (await readFile(join(stackDir(), "key"), "utf8")).trim();
    const { pid } = await engineProcess();
    for (const file of ["cmdline", "environ"]) {
      expect(await readFile(`/proc/${pid}/${file}`, "utf8")).not.toContain(key);
    }
    expect(await readFile(join(stackDir(), "engine.log"), "utf8")).not.toContain(key);
    for (const file of ["key", "endpoint.json", "engine.json"]) {
      expect((await stat(join(stackDir(), file))).mode & 0o077).toBe(0);
    }
  });

  it("shows in `ps`, `status` and `logs`", async () => {
    const ps = await cli.run("ps", "--json");
    expect(lastJson(ps)).toMatchObject({
      stacks: [{ name: "default", state: "running", engine: "embedded", model: "smollm2:135m" }],
    });
    const report = lastJson(await cli.run("status", "--json"));
    expect(report).toMatchObject({ state: "running", answers: true, seal: { kind: "process" } });
    expect(JSON.stringify(report)).not.toContain("sk-stack-");
    expect((await cli.run("logs")).stdout).toMatch(/\S/);
  });

  it("comes back after a `kill -9` of the engine, on the same port with the same key", async () => {
    const before = lastJson(await up())["endpoint"] as Endpoint;
    const identity = await engineProcess();
    process.kill(identity.pid, "SIGKILL");
    while (await isAlive(host, identity)) await host.clock.sleep(5);
    expect(lastJson(await cli.run("status", "--json"))).toMatchObject({
      state: "stopped",
      answers: false,
    });
    const after = lastJson(await up());
    expect(after).toMatchObject({ changed: true });
    // What was measured is never the same twice.
    expect({ ...(after["endpoint"] as Endpoint), measured: undefined }).toEqual({
      ...before,
      measured: undefined,
    });
  });

  it("does not believe a state from before a restart of the machine", async () => {
    const file = join(stackDir(), "process.json");
    const known = JSON.parse(await readFile(file, "utf8")) as { process: { started: string } };
    await cli.run("down");
    // The same process id is in use again, by a process that started at another time.
    await writeFile(
      file,
      JSON.stringify({ ...known, process: { pid: process.pid, started: "another-boot:1" } }),
    );
    expect(lastJson(await cli.run("ps", "--json"))).toEqual({ stacks: [] });
    expect(lastJson(await up())).toMatchObject({ changed: true });
    expect(await isAlive(host, await engineProcess())).toBe(true);
  });

  it("keeps the context that `auto` found, and is the same when that is named", async () => {
    const { endpoint } = lastJson(await up("--context", "auto"));
    const context = `${(endpoint as Endpoint).contextWindow}`;
    for (const again of ["auto", context, "auto"]) {
      expect(lastJson(await up("--context", again))).toMatchObject({ changed: false });
    }
  });

  it("changes what is changed: another context is another engine, under the same address", async () => {
    const before = lastJson(await up())["endpoint"] as Endpoint;
    const after = lastJson(await up("--context", "2048"));
    expect((after["steps"] as { id: string }[]).map(({ id }) => id)).toEqual([
      "clear",
      "process",
      "gate",
    ]);
    expect(after["endpoint"]).toMatchObject({ apiBase: before.apiBase, contextWindow: 2048 });
    expect(await enginesOf(stackDir())).toHaveLength(1);
  });

  it("is rolled back at whatever moment Ctrl-C comes", async () => {
    await cli.run("down");
    const whole = (await up()).ms;
    await cli.run("down");
    for (let round = 0; round < 10; round += 1) {
      const child = cli.start("up", "--json");
      const moment = (whole * (round + Math.random())) / 10;
      setTimeout(() => child.kill("SIGINT"), moment);
      const { exitCode, stderr } = await child.result;
      // Before Node has begun to run our code, the signal ends it without a word: -1.
      expect({ round, exitCode, stderr }).toMatchObject({
        exitCode: expect.toBeOneOf([0, 130, -1]),
      });
      if (exitCode === 0) await cli.run("down");
      expect({ round, moment, ...(await left()) }).toEqual({ round, moment, ...nothing });
    }
  });

  // An endpoint of a run that did not end by `down`, as after a restart of the machine, must not vouch for a new one.
  it.each([
    ["", false],
    [" over an endpoint from before", true],
  ])("cleans up behind a killed command at the next one%s", async (_title, before) => {
    const whole = (await up()).ms;
    const file = join(stackDir(), "endpoint.json");
    const endpoint = await readFile(file, "utf8");
    await cli.run("down");
    for (let round = 0; round < 5; round += 1) {
      if (before) await writeFile(file, endpoint);
      const child = cli.start("up", "--json");
      setTimeout(() => child.kill("SIGKILL"), (whole * (round + Math.random())) / 5);
      await child.result;
      const status = await cli.run("status", "--json");
      const running = status.exitCode === 0 && lastJson(status)["state"] === "running";
      // Either it was through, and the stack works; or nothing of it is left.
      if (running) expect(lastJson(await up())).toMatchObject({ changed: false });
      // Killed before it did anything, it leaves what was there.
      if (running || before) await cli.run("down");
      expect({ round, ...(await left()) }).toEqual({ round, ...nothing });
    }
  });

  it("does nothing in a dry run", async () => {
    const files = async (): Promise<readonly string[]> =>
      readdir(join(cli.home, ".local/state"), { recursive: true });
    const before = await files();
    expect(await cli.run("up", "--name", "other", "--dry-run")).toMatchObject({ exitCode: 0 });
    const restart = await cli.run("restart", "--name", "other", "--dry-run", "--json");
    expect(lastJson(restart)).toMatchObject({ code: "STACK_UNKNOWN", exitCode: 2 });
    expect(await files()).toEqual(before);
  });

  it("restarts, and stays as it is when what is to replace it can't be had", async () => {
    const before = lastJson(await up())["endpoint"] as Endpoint;
    const identity = await engineProcess();
    for (const wrong of [
      ["--model", "file:/etc/hostname"],
      ["--model", "smolm2"],
      ["--context", "lots"],
      ["--require-isolated"],
      ["--memory", "1g"],
    ]) {
      const refused = await cli.run("restart", "--json", ...wrong);
      expect([wrong, refused.exitCode]).not.toEqual([wrong, 0]);
      expect(await isAlive(host, identity)).toBe(true);
    }
    const restarted = lastJson(await cli.run("restart", "--json"));
    expect((restarted["steps"] as { id: string }[]).map(({ id }) => id)).toEqual([
      "clear",
      "process",
      "gate",
    ]);
    expect(restarted["endpoint"]).toMatchObject({
      apiBase: before.apiBase,
      apiKey: before.apiKey,
    });
    expect(await isAlive(host, identity)).toBe(false);
  });

  it("restarts with what it was brought up with, until it is taken down", async () => {
    const contextOf = ({ endpoint }: Record<string, unknown>): number =>
      (endpoint as Endpoint).contextWindow;
    expect(contextOf(lastJson(await up("--context", "2048", "--parallel", "2")))).toBe(2048);
    for (const more of [["--context", "1024"], []]) {
      expect(contextOf(lastJson(await cli.run("restart", "--json", ...more)))).toBe(1024);
      const { measured } = lastJson(await up())["endpoint"] as Endpoint;
      expect(measured?.parallel).toBe(2);
    }
    // One that fails leaves what ran before to go on with.
    expect((await up("--model", "file:/etc/hostname")).exitCode).toBe(6);
    expect(contextOf(lastJson(await cli.run("restart", "--json")))).toBe(1024);
    await cli.run("down");
    const gone = await cli.run("restart", "--json");
    expect(lastJson(gone)).toMatchObject({ code: "STACK_UNKNOWN", exitCode: 2 });
    expect(contextOf(lastJson(await up()))).toBe(8192);
  });

  // The binaries that are installed by default know no GPU but Apple's.
  it.skipIf(process.platform === "darwin")(
    "does not fall to the processor when a GPU was asked for",
    async () => {
      await cli.run("down");
      const refused = await up("--gpu", "all");
      expect(lastJson(refused)).toMatchObject({ code: "GPU_UNUSABLE", exitCode: 4 });
      expect(lastJson(refused)["next"]).toContain("--gpu none");
      expect(await left()).toEqual(nothing);
    },
  );

  it("has no sealed network, and says so where one is demanded", async () => {
    const refused = await up("--require-isolated");
    expect(lastJson(refused)).toMatchObject({ code: "NETWORK_LEAK", exitCode: 11 });
  });

  it("has no log of a stack that nobody started, also when it would be followed", async () => {
    for (const flags of [[], ["-f"]]) {
      const refused = await cli.run("logs", ...flags, "--name", "typo", "--json");
      expect(lastJson(refused)).toMatchObject({ code: "STACK_UNKNOWN", exitCode: 2 });
    }
  });

  it("lets one of two through that start at once", async () => {
    const codes = (await Promise.all([up(), up()])).map(({ exitCode }) => exitCode);
    expect([
      [0, 0],
      [0, 12],
    ]).toContainEqual(codes.sort((a, b) => a - b));
    expect(await enginesOf(stackDir())).toHaveLength(1);
  });

  it.each<[string, readonly string[], object]>([
    ["a model that is no model", ["--model", "file:/etc/hostname"], { exitCode: 6 }],
    ["a model nobody knows", ["--model", "smolm2"], { code: "MODEL_UNKNOWN", exitCode: 2 }],
    ["a context that is none", ["--context", "lots"], { code: "USAGE", exitCode: 2 }],
  ])("refuses %s and leaves what runs alone", async (_title, args, expected) => {
    const identity = await engineProcess();
    const refused = await up(...args);
    expect(lastJson(refused)).toMatchObject({ type: "error", ...expected });
    expect(await isAlive(host, identity)).toBe(true);
  });

  it("refuses a port that is taken", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const address = server.address();
    const port = typeof address === "object" ? String(address?.port) : "";
    const refused = await up("--port", port);
    server.close();
    expect(lastJson(refused)).toMatchObject({ code: "PORT_BUSY", exitCode: 5 });
  });

  it("needs no second `down`", async () => {
    expect(lastJson(await cli.run("down", "--json"))).toMatchObject({ changed: true });
    expect(lastJson(await cli.run("down", "--json"))).toMatchObject({ changed: false });
    expect(await left()).toEqual(nothing);
  });
});

/** Process ids of engines of this stack. */
async function enginesOf(folder: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const pid of (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry))) {
    const argv = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (argv.includes("embedded/main.ts") && argv.includes(folder)) found.push(pid);
  }
  return found;
}
