import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { CHATML, type StoreRig, storeRig } from "../../testing/store-rig.ts";
import { tinyGguf } from "../../testing/tiny-gguf.ts";
import { TINY_SNAPSHOT } from "../../testing/tiny-snapshot.ts";
import type { ModelFormat, StoredModel } from "../model.ts";
import { parseReference } from "../reference.ts";

let rig: StoreRig;
beforeEach(async () => {
  rig = await storeRig();
});
afterEach(() => rig[Symbol.asyncDispose]());

/** A stored model whose record is as a version that knew less would have written it; the path of the record. */
async function oldRecord(format: ModelFormat): Promise<string> {
  if (format === "gguf") {
    await writeFile(join(rig.home, "m"), tinyGguf({ chatTemplate: CHATML }));
    await rig.ensure("file:m");
  } else {
    await mkdir(join(rig.home, "m"));
    for (const [file, content] of Object.entries(TINY_SNAPSHOT)) {
      await writeFile(join(rig.home, "m", file), content);
    }
    await rig.ensureSnapshot("file:m");
  }
  const [name = ""] = await readdir(join(rig.store.root, "index"));
  const path = join(rig.store.root, "index", name);
  const { chatTemplate: _, ...record } = JSON.parse(await readFile(path, "utf8"));
  const { memory: __, ...facts } = record.facts;
  await writeFile(path, JSON.stringify({ ...record, facts }));
  return path;
}

const find = (format: ModelFormat): Promise<StoredModel | undefined> =>
  rig.store.find(parseReference("file:m"), format);

it.each(["gguf", "safetensors"] as const)(
  "an old record of %s is read from the weights again, once",
  async (format) => {
    const path = await oldRecord(format);
    const found = await find(format);
    expect(found?.facts).toHaveProperty("memory");
    if (found?.format === "safetensors") expect(found.chatTemplate).toContain("im_start");
    expect(JSON.parse(await readFile(path, "utf8"))).toEqual(found);
    // Whoever writes it once more replaces it.
    const { ino } = await stat(path);
    expect(await find(format)).toEqual(found);
    expect((await stat(path)).ino).toBe(ino);
  },
);

it("what was read serves also where the store cannot be locked and written", async () => {
  await oldRecord("safetensors");
  const lock = join(rig.store.root, "locks", "store.db");
  await rm(lock);
  await mkdir(lock);
  expect((await find("safetensors"))?.facts).toHaveProperty("memory");
});

it("weights that cannot be read leave the record as it is", async () => {
  const path = await oldRecord("gguf");
  const old = await readFile(path, "utf8");
  for (const name of await rig.blobFiles()) {
    const blob = join(rig.store.root, "blobs", name);
    await writeFile(blob, Buffer.alloc((await stat(blob)).size));
  }
  expect((await find("gguf"))?.facts).not.toHaveProperty("memory");
  expect(await readFile(path, "utf8")).toBe(old);
});
