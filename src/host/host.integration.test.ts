import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { testHost } from "../testing/test-host.ts";
import { removeTemporary, writeFileAtomic } from "./atomic-write.ts";
import { identifyProcess, isAlive } from "./process-identity.ts";

describe("running programs", () => {
  it.each([
    ["its exit status and output", "sh", ["-c", "echo out; echo err >&2; exit 3"], {}, 3, "out\n"],
    ["one that does not exist", "no-such-program-here", [], {}, 127, ""],
    ["one that takes too long", "sleep", ["60"], { timeoutMs: 50 }, 124, ""],
    ["with input", "cat", [], { input: "hello" }, 0, "hello"],
  ] as const)("%s", async (_title, file, args, options, exitCode, stdout) => {
    await using test = await testHost();
    expect(await test.host.exec(file, args, options)).toMatchObject({ exitCode, stdout });
  });

  it("gives them the host's environment and no other", async () => {
    await using test = await testHost({ env: { PATH: process.env["PATH"], ONLY: "this" } });
    const { stdout } = await test.host.exec("env", []);
    expect(stdout).toContain("ONLY=this");
    expect(stdout).toContain(`HOME=${test.home}`);
    expect(stdout).not.toContain("VITEST");
  });

  it("in the background, with their output in a private file", async () => {
    await using test = await testHost();
    const logFile = join(test.home, "logs", "x.log");
    const pid = await test.host.spawnDetached("sh", ["-c", "echo begun; sleep 60"], { logFile });
    const identity = await identifyProcess(test.host, pid);
    expect(identity).toBeDefined();
    while ((await readFile(logFile, "utf8")) !== "begun\n") await test.host.clock.sleep(5);
    expect((await stat(logFile)).mode & 0o777).toBe(0o600);
    process.kill(-pid, "SIGKILL");
    while (await isAlive(test.host, identity!)) await test.host.clock.sleep(5);
    await expect(test.host.spawnDetached("no-such-program-here", [], { logFile })).rejects.toThrow(
      "ENOENT",
    );
  });
});

describe("a process", () => {
  it("is known by its start, and gone when it is a zombie", async () => {
    await using test = await testHost();
    const child = spawn("sleep", ["60"]);
    await once(child, "spawn");
    const identity = await identifyProcess(test.host, child.pid!);
    expect(await isAlive(test.host, identity!)).toBe(true);
    expect(await isAlive(test.host, { ...identity!, started: "earlier" })).toBe(false);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(await isAlive(test.host, identity!)).toBe(false);
  });

  it.runIf(process.platform === "linux")("may have brackets and spaces in its name", async () => {
    await using test = await testHost();
    const file = join(test.home, "a) b (c");
    await writeFile(file, "#!/bin/sh\nexec sleep 60\n", { mode: 0o755 });
    const child = spawn(file);
    await once(child, "spawn");
    expect(await identifyProcess(test.host, child.pid!)).toBeDefined();
    child.kill("SIGKILL");
  });
});

describe("an atomic write", () => {
  it("replaces the whole file, with the mode that was asked for, and leaves nothing beside it", async () => {
    await using test = await testHost();
    const file = join(test.home, "deep", "er", "file");
    await writeFileAtomic(file, "one", { mode: 0o600 });
    await writeFileAtomic(file, "two", { mode: 0o600 });
    expect(await readFile(file, "utf8")).toBe("two");
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(join(test.home, "deep"))).mode & 0o777).toBe(0o700);
    expect(await readdir(join(test.home, "deep", "er"))).toEqual(["file"]);
  });

  it("that was killed leaves what can be told from the files beside it, and removed", async () => {
    await using test = await testHost();
    const module = JSON.stringify(join(import.meta.dirname, "atomic-write.ts"));
    const write = `import { writeFileAtomic } from ${module};
      for (;;) await writeFileAtomic(process.argv[1], "x".repeat(10_000_000));`;
    const args = ["--input-type=module", "-e", write, join(test.home, "file")];
    const left = async (): Promise<readonly string[]> =>
      (await readdir(test.home)).filter((name) => name !== "file");
    while ((await left()).length === 0) {
      const child = spawn(process.execPath, args);
      while ((await left()).length === 0) await setImmediate();
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    await writeFile(join(test.home, ".mine.tmp"), "");
    await removeTemporary(test.home);
    expect(await left()).toEqual([".mine.tmp"]);
    await removeTemporary(join(test.home, "nowhere"));
  });

  it("that fails leaves the old file as it was", async () => {
    await using test = await testHost();
    const folder = join(test.home, "in-the-way");
    await writeFileAtomic(join(folder, "x"), "x");
    await expect(writeFileAtomic(folder, "y")).rejects.toThrow(/EISDIR|directory/);
    expect((await readdir(test.home)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });
});
