import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { Endpoint } from "../endpoint.ts";
import { acquireLock } from "../host/lock.ts";
import { parseReference } from "../models/reference.ts";
import { openStore } from "../models/store.ts";
import { resolveSettings } from "../plan/resolve-settings.ts";
import { testHost, type TestHost } from "../testing/test-host.ts";
import { tinyGguf } from "../testing/tiny-gguf.ts";
import { down } from "./down.ts";
import { settingsToKeep, writeKept } from "./kept-settings.ts";
import { refuseUsed } from "./model-users.ts";
import { previewDown } from "./preview-down.ts";
import { ensureKey, forgetRun, readEndpoint, stackFolder, writeEndpoint } from "./stack-folder.ts";

const NO_DOCKER = { env: { DOCKER_HOST: "unix:///nowhere/docker.sock" } };

/** Stacks of these names, all up with one model that is in the store. */
async function stacksWithModel({ host, home, context }: TestHost, names: readonly string[]) {
  const file = join(home, "tiny.gguf");
  await writeFile(file, tinyGguf());
  const store = openStore(context);
  const reference = parseReference(`file:${file}`);
  const options = { insecureRegistries: [], offline: false, ca: undefined };
  const model = await store.ensure(reference, options);
  for (const name of names) {
    const folder = stackFolder(host, name);
    const endpoint: Endpoint = {
      name,
      engine: "embedded",
      apiBase: "http://127.0.0.1:1/v1",
      apiKey: await ensureKey(folder),
      model: model.servedName,
      reference: model.reference,
      contextWindow: 8192,
      maxOutputTokens: 2048,
      tools: true,
      warnings: [],
    };
    await writeEndpoint(folder, endpoint);
  }
  return { reference: model.reference, stored: () => store.find(reference) };
}

const purge = ({ context }: TestHost, name: string) => down(context, { name, purge: true });

it("deletes the key, the log and the model", async () => {
  await using test = await testHost(NO_DOCKER);
  const { reference, stored } = await stacksWithModel(test, ["a"]);
  expect(await purge(test, "a")).toMatchObject({ changed: true, purgedModel: reference });
  expect(await stored()).toBeUndefined();
  expect(existsSync(stackFolder(test.host, "a").path)).toBe(false);
  expect(await purge(test, "a")).toEqual({ name: "a", changed: false, removed: [] });
});

it("deletes the model of a stack that was down, too", async () => {
  await using test = await testHost(NO_DOCKER);
  const { reference, stored } = await stacksWithModel(test, ["a"]);
  await down(test.context, { name: "a", purge: false });
  expect(await stored()).toBeDefined();
  expect(await purge(test, "a")).toEqual({
    name: "a",
    changed: true,
    removed: ["its key and log"],
    purgedModel: reference,
  });
  expect(await stored()).toBeUndefined();
});

it("deletes the model that a killed `up` had only begun with", async () => {
  await using test = await testHost(NO_DOCKER);
  const { reference, stored } = await stacksWithModel(test, ["a"]);
  const folder = stackFolder(test.host, "a");
  await forgetRun(folder);
  const origin = { kind: "flag", flag: "--model" } as const;
  const given = [{ key: "model", value: reference, origin }];
  await writeKept(folder, { engine: "embedded", adopted: false, given });
  expect(await purge(test, "a")).toMatchObject({ purgedModel: reference });
  expect(await stored()).toBeUndefined();
});

it("does not take the model of before for that of a killed `up` that named none", async () => {
  await using test = await testHost(NO_DOCKER);
  const { stored } = await stacksWithModel(test, ["a"]);
  await down(test.context, { name: "a", purge: false });
  const folder = stackFolder(test.host, "a");
  await writeKept(folder, { engine: "embedded", adopted: false, given: [] });
  expect(await purge(test, "a")).not.toHaveProperty("purgedModel");
  expect(await stored()).toBeDefined();
});

it("says that no model is known to be its", async () => {
  await using test = await testHost(NO_DOCKER);
  await ensureKey(stackFolder(test.host, "a"));
  const modelStays = expect.stringContaining("`stack models ls`");
  const removed = ["its key and log"];
  expect(await purge(test, "a")).toEqual({ name: "a", changed: true, removed, modelStays });
});

it("leaves the models of a server that was adopted", async () => {
  await using test = await testHost(NO_DOCKER);
  const { stored } = await stacksWithModel(test, ["a"]);
  const folder = stackFolder(test.host, "a");
  await writeEndpoint(folder, { ...(await readEndpoint(folder))!, adopted: true });
  const result = await purge(test, "a");
  expect(result).toMatchObject({ changed: true });
  expect(result).not.toHaveProperty("purgedModel");
  expect(await stored()).toBeDefined();
});

it("leaves the model of this name that a killed `up` was to adopt a server with", async () => {
  await using test = await testHost(NO_DOCKER);
  const { reference, stored } = await stacksWithModel(test, ["a"]);
  const folder = stackFolder(test.host, "a");
  await forgetRun(folder);
  const layer = Object.entries({ engine: "lmstudio", model: reference }).map(([key, value]) => {
    const flag = `--${key}`;
    return { key, value, isText: false, origin: { kind: "flag", flag }, where: flag } as const;
  });
  await writeKept(folder, settingsToKeep(resolveSettings([layer])));
  expect(await purge(test, "a")).not.toHaveProperty("purgedModel");
  expect(await stored()).toBeDefined();
});

it("keeps a model that another stack is being brought up with", async () => {
  await using test = await testHost(NO_DOCKER);
  const { reference, stored } = await stacksWithModel(test, ["a", "b"]);
  const other = stackFolder(test.host, "b");
  await forgetRun(other);
  const lock = await acquireLock(test.host, other.lockFile, "stack up");
  await lock.note({ engine: "llamacpp", reference });
  const modelStays = expect.stringMatching(/: the stack b is .* being brought up with it\.$/);
  expect(await purge(test, "a")).toMatchObject({ modelStays });
  await lock.release();
  expect(await stored()).toBeDefined();
});

it("names before what it would delete, and deletes nothing then", async () => {
  await using test = await testHost(NO_DOCKER);
  const { reference, stored } = await stacksWithModel(test, ["a"]);
  const preview = (purge: boolean) => previewDown(test.context, { name: "a", purge });
  const doomed = { removed: ["its key and log"], purgedModel: reference };
  expect(await preview(true)).toEqual(doomed);
  expect(await preview(false)).toEqual({ removed: [] });
  await down(test.context, { name: "a", purge: false });
  expect(await preview(true)).toEqual(doomed);
  expect(await stored()).toBeDefined();
  await purge(test, "a");
  expect(await preview(true)).toEqual({ removed: [] });
});

it("keeps a model that another stack is up with", async () => {
  await using test = await testHost(NO_DOCKER);
  const { reference, stored } = await stacksWithModel(test, ["a", "b"]);
  const models = [{ reference, format: "gguf" }] as const;
  await expect(refuseUsed(test.context, models)).rejects.toMatchObject({
    code: "MODEL_IN_USE",
    exitCode: 12,
  });
  const modelStays = `${reference} stays: the stack b is up with it, or is being brought up with it.`;
  expect(await previewDown(test.context, { name: "a", purge: true })).toMatchObject({ modelStays });
  const result = await purge(test, "a");
  expect(result).toMatchObject({ modelStays });
  expect(result).not.toHaveProperty("purgedModel");
  expect(await stored()).toBeDefined();
  await purge(test, "b");
  expect(await stored()).toBeUndefined();
  await refuseUsed(test.context, models);
});
