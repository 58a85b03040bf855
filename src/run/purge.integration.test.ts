import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { Endpoint } from "../endpoint.ts";
import { parseReference } from "../models/reference.ts";
import { openStore } from "../models/store.ts";
import { testHost, type TestHost } from "../testing/test-host.ts";
import { tinyGguf } from "../testing/tiny-gguf.ts";
import { down } from "./down.ts";
import { refuseUsed } from "./model-users.ts";
import { ensureKey, stackFolder, writeEndpoint } from "./stack-folder.ts";

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

it("says that it deleted the key of a stack that was down", async () => {
  await using test = await testHost(NO_DOCKER);
  await stacksWithModel(test, ["a"]);
  await down(test.context, { name: "a", purge: false });
  expect(await purge(test, "a")).toEqual({
    name: "a",
    changed: true,
    removed: ["its key and log"],
  });
});

it("keeps a model that another stack is up with", async () => {
  await using test = await testHost(NO_DOCKER);
  const { reference, stored } = await stacksWithModel(test, ["a", "b"]);
  await expect(refuseUsed(test.host, [reference])).rejects.toMatchObject({
    code: "MODEL_IN_USE",
    exitCode: 12,
  });
  expect(await purge(test, "a")).not.toHaveProperty("purgedModel");
  expect(await stored()).toBeDefined();
  await purge(test, "b");
  expect(await stored()).toBeUndefined();
  await refuseUsed(test.host, [reference]);
});
