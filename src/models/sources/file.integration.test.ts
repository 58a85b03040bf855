import { readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CHATML, sha256, storeRig, type StoreRig } from "../../testing/store-rig.ts";
import { tinyGguf } from "../../testing/tiny-gguf.ts";
import { parseReference } from "../reference.ts";

let rig: StoreRig;
beforeEach(async () => {
  rig = await storeRig();
});
afterEach(() => rig[Symbol.asyncDispose]());

describe("file:", () => {
  it("takes a copy, makes it a model of Ollama, and finds it again", async () => {
    const gguf = tinyGguf({ chatTemplate: CHATML });
    await writeFile(join(rig.home, "My Model.gguf"), gguf, { mode: 0o600 });
    const model = await rig.ensure("file:My Model.gguf");
    expect(model).toMatchObject({
      reference: `file:${join(rig.home, "My Model.gguf")}`,
      servedName: "my-model:latest",
      ollamaManifest: "manifests/registry.ollama.ai/library/my-model/latest",
      weights: { digest: `sha256:${sha256(gguf)}`, bytes: gguf.length },
      facts: {
        architecture: "llama",
        trainedContext: 8192,
        quantisation: "Q4_1",
        hasChatTemplate: true,
        templateHasTools: false,
      },
      ollamaTools: true,
    });
    expect(await rig.store.find(parseReference("file:./My Model.gguf"))).toEqual(model);
    expect(await readFile(rig.store.weightsPath(model))).toEqual(gguf);
    expect((await stat(join(rig.home, "My Model.gguf"))).mode & 0o777).toBe(0o600);
    expect(await rig.faults()).toEqual([]);
  });

  it("is not changed by what happens to the file later, and notices it", async () => {
    const path = join(rig.home, "m.gguf");
    await writeFile(path, tinyGguf({ seed: 1 }));
    const first = await rig.ensure("file:m.gguf");
    await writeFile(path, tinyGguf({ seed: 2 }));
    await utimes(path, 1, 1);
    expect(await rig.store.find(parseReference("file:m.gguf"))).toBeUndefined();
    expect(await rig.faults()).toEqual([]);
    const second = await rig.ensure("file:m.gguf");
    expect(second.weights.digest).not.toBe(first.weights.digest);
    await rm(path);
    expect(await rig.store.find(parseReference("file:m.gguf"))).toEqual(second);
  });

  it.each<readonly [string, Buffer | undefined, string]>([
    ["no file", undefined, "There is no file"],
    ["an empty file", Buffer.alloc(0), "is not a GGUF model that can be used"],
    ["no GGUF", Buffer.from("PK…"), "is not a GGUF model that can be used"],
    ["a GGUF whose header is cut off", tinyGguf().subarray(0, 60), "is not a GGUF model"],
    ["a GGUF whose weights are cut off", tinyGguf().subarray(0, -1), "is not a GGUF model"],
    [
      "one part of a split model",
      tinyGguf({ extra: { "split.count": 3 } }),
      "is not a GGUF model that can be used",
    ],
  ])("refuses %s", async (_, content, what) => {
    if (content !== undefined) await writeFile(join(rig.home, "x.gguf"), content);
    await expect(rig.ensure("file:x.gguf")).rejects.toMatchObject({
      code: "MODEL_UNAVAILABLE",
      what: expect.stringContaining(what),
    });
    expect(await rig.store.list()).toEqual([]);
    expect(await rig.blobFiles()).toEqual([]);
  });
});
