import { mkdir, readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { containerWeightsPath } from "../engines/store-mount.ts";
import { type FakeFiles, fakeFiles } from "../testing/fake-files.ts";
import { fakeRegistry } from "../testing/fake-registry.ts";
import { CHATML, sha256, storeRig, type StoreRig } from "../testing/store-rig.ts";
import { tinyGguf } from "../testing/tiny-gguf.ts";
import { TINY_SNAPSHOT, tinySafetensors } from "../testing/tiny-snapshot.ts";
import type { GgufModel } from "./model.ts";
import { parseReference } from "./reference.ts";
import { gitBlobName } from "./store/git-blob-name.ts";
import { recordId } from "./store/records.ts";

let rig: StoreRig;
beforeEach(async () => {
  rig = await storeRig();
});
afterEach(() => rig[Symbol.asyncDispose]());

/** Not taken: the same weights in other forms, and code. */
const OTHERS = {
  "consolidated.safetensors": tinySafetensors(1),
  "pytorch_model.bin": Buffer.from("x"),
  "modeling.py": Buffer.from("x"),
};

async function folder(name: string, files: Readonly<Record<string, Buffer>>): Promise<void> {
  await mkdir(join(rig.home, name));
  for (const [file, content] of Object.entries(files)) {
    await writeFile(join(rig.home, name, file), content);
  }
}

it("takes a folder: only what engines need, under one inode, counted and removed once", async () => {
  await folder("a", { ...TINY_SNAPSHOT, ...OTHERS });
  await folder("b", TINY_SNAPSHOT);
  const a = await rig.ensureSnapshot("file:a");
  expect(a.files.map(({ path }) => path)).toEqual(Object.keys(TINY_SNAPSHOT).toSorted());
  expect(a.facts).toMatchObject({
    architecture: "llama",
    trainedContext: 2048,
    quantisation: "BF16",
    parameters: 64,
    templateHasTools: true,
    chatFamily: "chatml",
  });
  expect(containerWeightsPath(a)).toBe(`/models/${a.snapshot}`);
  for (const { path, digest } of a.files) {
    const file = await stat(join(rig.store.weightsPath(a), path));
    const blob = await stat(join(rig.store.root, "blobs", digest.replace(":", "-")));
    expect(file.ino).toBe(blob.ino);
  }
  const before = await rig.store.df();
  const b = await rig.ensureSnapshot("file:b");
  // One record, and perhaps lock files; none of its six files.
  expect((await rig.store.df()).totalBytes - before.totalBytes).toBeLessThan(20_480);
  expect(await rig.store.find(parseReference("file:a"), "safetensors")).toEqual(a);
  const remove = (name: string) => rig.store.remove(parseReference(name), "safetensors");
  expect((await remove("file:a")).freedBytes).toBe(0);
  expect(await rig.store.find(parseReference("file:b"), "safetensors")).toEqual(b);
  const all = Object.values(TINY_SNAPSHOT).reduce((sum, { length }) => sum + length, 0);
  expect((await remove("file:b")).freedBytes).toBe(all);
  expect(await rig.blobFiles()).toEqual([]);
});

it("verify finds one flipped bit, and a file that is no longer the blob", async () => {
  await folder("a", TINY_SNAPSHOT);
  const a = await rig.ensureSnapshot("file:a");
  const weights = join(rig.store.weightsPath(a), "model-1.safetensors");
  const bytes = await readFile(weights);
  bytes[100] = (bytes[100] ?? 0) ^ 1;
  await writeFile(weights, bytes);
  expect((await rig.store.verify()).bad).toMatchObject([{ reason: "digest" }]);
  await rig.store.remove(parseReference("file:a"), "safetensors");
  const again = await rig.ensureSnapshot("file:a");
  expect(await rig.faults()).toEqual([]);
  await writeFile(`${weights}.new`, bytes);
  await rename(`${weights}.new`, weights);
  expect((await rig.store.verify()).bad).toMatchObject([{ path: weights, reason: "digest" }]);
  expect(await rig.store.find(parseReference("file:a"), "safetensors")).toBeUndefined();
  expect(again.weights).toEqual(a.weights);
});

/** A repository with these files, at one commit. */
function serveRepository(hub: FakeFiles, files: Readonly<Record<string, Buffer>>): string {
  const commit = "c".repeat(40);
  const siblings = Object.entries(files).map(([rfilename, body]) => ({
    rfilename,
    size: body.length,
    blobId: gitBlobName(body),
    ...(/\.(safetensors|gguf)$/.test(rfilename)
      ? { lfs: { sha256: sha256(body), size: body.length } }
      : {}),
  }));
  hub.serve("/api/models/o/r/revision/main", {
    body: Buffer.from(JSON.stringify({ sha: commit, siblings })),
  });
  const base = `/o/r/resolve/${commit}`;
  for (const [file, body] of Object.entries(files)) hub.serve(`${base}/${file}`, { body });
  return base;
}

it("comes from the Hub by commit, each file checked by its kind of checksum", async () => {
  await using hub = await fakeFiles();
  rig.reopen({ HF_ENDPOINT: hub.url });
  const base = serveRepository(hub, { ...TINY_SNAPSHOT, ...OTHERS });
  hub.fault(`${base}/config.json`, { kind: "corrupt", atByte: 3 });
  await expect(rig.ensureSnapshot("hf:o/r")).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
  expect(await rig.store.list()).toEqual([]);
  const model = await rig.ensureSnapshot("hf:o/r");
  expect(model.files.map(({ path }) => path)).toEqual(Object.keys(TINY_SNAPSHOT).toSorted());
  expect(await rig.faults()).toEqual([]);
  await expect(rig.ensure("hf:o/r")).rejects.toMatchObject({
    what: "hf:o/r holds safetensors and no GGUF in one piece.",
  });
});

it.each([
  ["only safetensors", TINY_SNAPSHOT, "safetensors"],
  ["a GGUF, too", { ...TINY_SNAPSHOT, "m-Q4_K_M.gguf": tinyGguf() }, "gguf"],
  [
    "a part of a GGUF, too",
    { ...TINY_SNAPSHOT, "m-00001-of-00002.gguf": tinyGguf() },
    "safetensors",
  ],
] as const)("of a repository with %s takes what is there", async (_title, files, format) => {
  await using hub = await fakeFiles();
  rig.reopen({ HF_ENDPOINT: hub.url });
  serveRepository(hub, files);
  const reference = parseReference("hf:o/r");
  const model = await rig.store.ensure(reference, rig.options, "any");
  expect(model.format).toBe(format);
  expect(await rig.store.find(reference, "any")).toEqual(model);
});

it.each([
  [{ "config.json": Buffer.from("{}"), "pytorch_model.bin": Buffer.from("x") }, "pickles"],
  [{ "m.gguf": tinyGguf() }, "It holds GGUF."],
  [{ "config.json": Buffer.from("{}"), "model.safetensors": tinySafetensors(1) }, "no tokenizer"],
  [{ ...TINY_SNAPSHOT, "model-1.safetensors": tinySafetensors(1).subarray(0, -1) }, "should have"],
])("refuses what is no whole model: %#", async (files, why) => {
  await folder("a", files);
  await expect(rig.ensureSnapshot("file:a")).rejects.toMatchObject({
    code: "MODEL_UNAVAILABLE",
    why: expect.stringContaining(why),
  });
  expect(await rig.store.list()).toEqual([]);
});

it("refuses a source that has only GGUF before anything is fetched", async () => {
  await expect(
    rig.store.plan(parseReference("ollama:qwen3:4b"), "safetensors"),
  ).rejects.toMatchObject({ code: "USAGE" });
});

it("one GGUF, three engines, one inode: whatever source it came from", async () => {
  const gguf = tinyGguf({ chatTemplate: CHATML });
  await using registry = await fakeRegistry();
  registry.addModel("library/m", "t", gguf);
  await writeFile(join(rig.home, "m.gguf"), gguf);
  const inodes = async (model: GgufModel): Promise<readonly number[]> => {
    const { root } = rig.store;
    const manifest: { layers: { digest: string }[] } = JSON.parse(
      await readFile(join(root, model.ollamaManifest), "utf8"),
    );
    const paths = [
      rig.store.weightsPath(model),
      containerWeightsPath(model).replace("/models", root),
      join(root, "blobs", manifest.layers[0]?.digest.replace(":", "-") ?? ""),
    ];
    return Promise.all(paths.map(async (path) => (await stat(path)).ino));
  };
  const first = await inodes(await rig.ensure(`ollama:${registry.address}/m:t`));
  const second = await inodes(await rig.ensure("file:m.gguf"));
  expect(new Set(first).size).toBe(1);
  expect(new Set(second).size).toBe(1);
});

it("leaves alone what a record of a newer version needs, which this one can't read", async () => {
  await folder("a", TINY_SNAPSHOT);
  await folder("b", TINY_SNAPSHOT);
  const a = await rig.ensureSnapshot("file:a");
  await rig.ensureSnapshot("file:b");
  const index = join(rig.store.root, "index");
  const name = (await readdir(index)).find((each) => each.includes(recordId(a.reference))) ?? "";
  await writeFile(
    join(index, name),
    JSON.stringify({ ...a, files: a.files.map(({ path, ...file }) => ({ ...file, as: path })) }),
  );
  const left = join(rig.store.root, "blobs", `sha256-${"0".repeat(64)}`);
  await writeFile(left, "x");
  const before = await rig.blobFiles();

  expect(await rig.store.gc()).toEqual({ freedBytes: 0 });
  expect(rig.events).toContainEqual({
    type: "warning",
    message: expect.stringContaining(name),
    next: expect.stringContaining("rm "),
  });
  expect(await rig.blobFiles()).toEqual(before);
  expect((await stat(rig.store.weightsPath(a))).isDirectory()).toBe(true);
  expect((await rig.store.df()).unusedBytes).toBe((await stat(left)).blocks * 512);

  await rig.store.remove(parseReference("file:b"), "safetensors");
  expect(await rig.blobFiles()).toEqual(before);
});
