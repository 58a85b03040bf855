import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { acquireLock } from "../host/lock.ts";
import { testHost } from "../testing/test-host.ts";
import { recoverAll } from "./recover.ts";
import { locksFolder, stackFolder } from "./stack-folder.ts";

const CUT_OFF = ".default.json.0123456789ab.tmp";

it("what a command left that was killed as it took a lock is removed, unless another has it", async () => {
  await using test = await testHost({ env: { DOCKER_HOST: "unix:///nowhere/docker.sock" } });
  const folder = locksFolder(test.host);
  await mkdir(folder, { recursive: true });
  const { lockFile } = stackFolder(test.host, "default");
  const held = await acquireLock(test.host, lockFile, "stack up");
  // As of the holder, which writes it just now.
  await writeFile(join(folder, CUT_OFF), "{");
  await recoverAll(test.context);
  expect(await readdir(folder)).toContain(CUT_OFF);
  await held.release();
  await recoverAll(test.context);
  expect(await readdir(folder)).toEqual(["default.db"]);
  expect(test.events).toEqual([]);
});
