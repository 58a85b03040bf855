import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { identifyProcess } from "./process-identity.ts";
import { testHost } from "../testing/test-host.ts";
import { acquireLock, hasStaleLock, isLockHeld, noteOfHolder } from "./lock.ts";

it("is held by one at a time, and names its holder", async () => {
  await using test = await testHost();
  const file = join(test.home, "locks", "x");
  const lock = await acquireLock(test.host, file, "stack up");
  await expect(acquireLock(test.host, file, "stack down")).rejects.toMatchObject({
    code: "LOCKED",
    exitCode: 12,
    what: expect.stringContaining(String(process.pid)),
  });
  await lock.release();
  const again = await acquireLock(test.host, file, "stack down");
  expect(again.takenOver).toBe(false);
  await again.release();
});

it("of a process that was killed is taken over, by one of many", async () => {
  await using test = await testHost();
  const file = join(test.home, "x");
  const child = spawn("sleep", ["60"]);
  await once(child, "spawn");
  const dead = await identifyProcess(test.host, child.pid!);
  child.kill("SIGKILL");
  await once(child, "exit");
  await writeFile(`${file}.json`, JSON.stringify({ process: dead, command: "stack up" }));
  expect(await hasStaleLock(test.host, file)).toBe(true);

  const attempts = await Promise.allSettled(
    Array.from({ length: 8 }, () => acquireLock(test.host, file, "stack up")),
  );
  const won = attempts.filter((attempt) => attempt.status === "fulfilled");
  expect(won).toHaveLength(1);
  expect(won[0]?.value.takenOver).toBe(true);
  await won[0]?.value.release();
  expect(await hasStaleLock(test.host, file)).toBe(false);
});

it("is cleaned of what one left that was killed as it took it", async () => {
  await using test = await testHost();
  const file = join(test.home, "x");
  const cutOff = ".x.json.0123456789ab.tmp";
  const others = [".y.json.0123456789ab.tmp", ".x.json.tmp"];
  for (const name of [cutOff, ...others]) await writeFile(join(test.home, name), "{");
  const lock = await acquireLock(test.host, file, "stack up");
  expect(lock.takenOver).toBe(false);
  const left = await readdir(test.home);
  expect(left).not.toContain(cutOff);
  expect(left).toEqual(expect.arrayContaining(others));
  await lock.release();
});

it("of a process whose id was given to another is not believed", async () => {
  await using test = await testHost();
  const file = join(test.home, "x");
  const other = { pid: process.pid, started: "another boot:1" };
  await writeFile(`${file}.json`, JSON.stringify({ process: other, command: "stack up" }));
  const lock = await acquireLock(test.host, file, "stack up");
  expect(lock.takenOver).toBe(true);
  expect(JSON.parse(await readFile(`${file}.json`, "utf8"))).toMatchObject({
    process: { pid: process.pid, started: expect.not.stringContaining("another boot") },
  });
  await lock.release();
});

it("that is not readable counts as left by a dead process", async () => {
  await using test = await testHost();
  const file = join(test.home, "x");
  await writeFile(`${file}.json`, '{"process":');
  const lock = await acquireLock(test.host, file, "stack up");
  expect(lock.takenOver).toBe(true);
  await lock.release();
});

it("is known to be held without its note, and that it is not any more", async () => {
  await using test = await testHost();
  const file = join(test.home, "x");
  expect(isLockHeld(file)).toBe(false);
  const lock = await acquireLock(test.host, file, "stack up");
  await rm(`${file}.json`);
  expect(isLockHeld(file)).toBe(true);
  await lock.release();
  expect(isLockHeld(file)).toBe(false);
});

it.each([
  [0o700, "600"],
  [0o755, "644"],
  [0o2775, "664"],
])(
  "in a folder of mode %o has a file that all who may write there can hold: %s",
  async (of, mode) => {
    await using test = await testHost();
    const folder = join(test.home, "locks");
    await mkdir(folder);
    await chmod(folder, of);
    const lock = await acquireLock(test.host, join(folder, "x"), "stack up");
    expect(((await stat(join(folder, "x.db"))).mode & 0o777).toString(8)).toBe(mode);
    await lock.release();
  },
);

it("tells others what its holder has noted, for as long as it is held", async () => {
  await using test = await testHost();
  const file = join(test.home, "x");
  expect(await noteOfHolder(file)).toBeUndefined();
  const lock = await acquireLock(test.host, file, "stack up");
  expect(await noteOfHolder(file)).toBeUndefined();
  await lock.note({ of: "one" });
  await lock.note({ of: "two" });
  expect(await noteOfHolder(file)).toEqual({ of: "two" });
  await expect(acquireLock(test.host, file, "stack down")).rejects.toMatchObject({
    what: expect.stringContaining("(stack up, "),
  });
  const left = await readFile(`${file}.json`);
  await lock.release();
  await writeFile(`${file}.json`, left);
  expect(await noteOfHolder(file)).toBeUndefined();
});
