import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { testHost } from "../testing/test-host.ts";
import { imageLockFile, lockImages, readImageLock } from "./image-lock.ts";

const id = (digit: string): string => `sha256:${digit.repeat(64)}`;

it("lies beside the project's settings, else in the user's folder", async () => {
  await using test = await testHost();
  expect(imageLockFile(test.host, { projectFile: "/p/stack.yaml" })).toBe("/p/stack.lock");
  expect(imageLockFile(test.host, {})).toBe(join(test.host.paths.config, "stack.lock"));
});

it("keeps what it does not change, in one order", async () => {
  await using test = await testHost();
  const file = join(test.home, "stack.lock");
  expect(await readImageLock(file)).toEqual({});
  await lockImages(test.context, file, { "b:1": { id: id("b") } });
  await lockImages(test.context, file, { "a:1": { id: id("a"), digest: `a@${id("0")}` } });
  await lockImages(test.context, file, { "b:1": { id: id("c") } });
  const images = await readImageLock(file);
  expect(images).toEqual({
    "a:1": { id: id("a"), digest: `a@${id("0")}` },
    "b:1": { id: id("c") },
  });
  expect(Object.keys(images)).toEqual(["a:1", "b:1"]);
});

it("loses nothing when several write at once", async () => {
  await using test = await testHost();
  const file = join(test.home, "stack.lock");
  const names = ["a", "b", "c", "d", "e", "f"];
  await Promise.all(
    names.map((name) => lockImages(test.context, file, { [`${name}:1`]: { id: id(name) } })),
  );
  expect(Object.keys(await readImageLock(file))).toEqual(names.map((name) => `${name}:1`));
});

it.each(["{", "[]", '{"version":2,"images":{}}', '{"version":1,"images":{"a":{"id":"latest"}}}'])(
  "that is damaged (%s) is refused and left alone",
  async (text) => {
    await using test = await testHost();
    const file = join(test.home, "stack.lock");
    await writeFile(file, text);
    await expect(lockImages(test.context, file, { "a:1": { id: id("a") } })).rejects.toMatchObject({
      code: "USAGE",
    });
    expect(await readFile(file, "utf8")).toBe(text);
  },
);
