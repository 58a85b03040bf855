import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type FakeFiles, fakeFiles } from "../../testing/fake-files.ts";
import { fakeRegistry } from "../../testing/fake-registry.ts";
import { sha256, storeRig, type StoreRig } from "../../testing/store-rig.ts";
import { type TestHost, testHost } from "../../testing/test-host.ts";
import { tinyGguf } from "../../testing/tiny-gguf.ts";
import { TINY_SNAPSHOT } from "../../testing/tiny-snapshot.ts";
import type { FetchOptions } from "../store.ts";
import type { ModelFormat } from "../model.ts";
import { parseReference } from "../reference.ts";
import { type Peeked, peekModel } from "./peek.ts";

/** More than one range: that the rest was left alone can be seen. */
const WEIGHTS = 7_000_000;
const gguf = tinyGguf({
  weightBytes: WEIGHTS,
  context: 4096,
  extra: {
    "llama.embedding_length": 64,
    "llama.attention.head_count": 4,
    "llama.vocab_size": 100,
  },
});
const KNOWN = {
  weightsBytes: gguf.length,
  facts: {
    architecture: "llama",
    trainedContext: 4096,
    memory: { kv: [{ layers: 1, kvHeads: 4, keyLength: 16, valueLength: 16 }] },
  },
};

let rig: StoreRig;
beforeEach(async () => {
  rig = await storeRig();
});
afterEach(() => rig[Symbol.asyncDispose]());

const peek = (
  reference: string,
  format?: ModelFormat,
  options: Partial<FetchOptions> = {},
): Promise<Peeked> =>
  rig.store.peek(parseReference(reference), { ...rig.options, ...options }, format);

describe("file:", () => {
  it("reads the header of the file, and copies nothing", async () => {
    await writeFile(join(rig.home, "m.gguf"), gguf);
    expect(await peek("file:m.gguf", "gguf", { offline: true })).toMatchObject(KNOWN);
    expect(await rig.blobFiles()).toEqual([]);
  });

  it("reads configuration and weights of a folder", async () => {
    await mkdir(join(rig.home, "m"));
    for (const [name, content] of Object.entries(TINY_SNAPSHOT)) {
      await writeFile(join(rig.home, "m", name), content);
    }
    expect(await peek("file:m", "safetensors")).toMatchObject({
      weightsBytes: TINY_SNAPSHOT["model-1.safetensors"]?.length,
      facts: { architecture: "llama", trainedContext: 2048 },
    });
    expect(await rig.blobFiles()).toEqual([]);
  });

  it("is refused as by the fetch where there is none, or no model in it", async () => {
    await writeFile(join(rig.home, "x.gguf"), "not a model");
    await mkdir(join(rig.home, "empty"));
    const cases = [
      ["none.gguf", "gguf", /no file .*none\.gguf/],
      ["empty", "gguf", /is a folder/],
      ["x.gguf", "gguf", /not a GGUF/],
      ["none", "safetensors", /no folder .*none/],
      ["x.gguf", "safetensors", /is a file/],
      ["empty", "safetensors", /empty/],
    ] as const;
    for (const [path, format, what] of cases) {
      const told = { code: "MODEL_UNAVAILABLE", what: expect.stringMatching(what) };
      await expect(peek(`file:${path}`, format)).rejects.toMatchObject(told);
      await expect(
        rig.store.ensure(parseReference(`file:${path}`), rig.options, format),
      ).rejects.toMatchObject(told);
    }
  });
});

describe("ollama:", () => {
  it("reads the manifest and the first bytes of the weights, from a storage host without the token", async () => {
    await using storage = await fakeFiles();
    await using registry = await fakeRegistry({ token: "t0k", storage });
    registry.addModel("me/m", "v1", gguf);
    expect(await peek(`ollama:${registry.address}/me/m:v1`)).toMatchObject(KNOWN);
    expect(storage.requests.map(({ range }) => range)).toEqual(["bytes=0-1999999"]);
    expect(storage.requests[0]?.headers.authorization).toBeUndefined();
    expect(await rig.blobFiles()).toEqual([]);
  });

  it("knows the size from the manifest where the header can't be had", async () => {
    await using registry = await fakeRegistry();
    const { digests } = registry.addModel("me/m", "v1", gguf);
    registry.faultBlob("me/m", digests[1] ?? "", { kind: "ignore-range" });
    expect(await peek(`ollama:${registry.address}/me/m:v1`)).toEqual({
      weightsBytes: gguf.length,
      facts: undefined,
    });
  });

  it("asks nobody where the network may not be used", async () => {
    await using registry = await fakeRegistry();
    const reference = `ollama:${registry.address}/me/m:v1`;
    await expect(peek(reference, "gguf", { offline: true })).rejects.toMatchObject({
      code: "MODEL_UNAVAILABLE",
      why: "The setting `offline` is on.",
    });
    expect(registry.files.requests).toEqual([]);
  });
});

describe("hf:", () => {
  const commit = "c".repeat(40);
  let hub: FakeFiles;
  beforeEach(async () => {
    hub = await fakeFiles();
    rig.reopen({ HF_ENDPOINT: hub.url, HF_TOKEN: "hf_secret" });
  });
  afterEach(() => hub[Symbol.asyncDispose]());

  function publish(files: Readonly<Record<string, Buffer>>): void {
    const siblings = Object.entries(files).map(([rfilename, body]) => {
      hub.serve(`/o/r/resolve/${commit}/${rfilename}`, { body });
      return { rfilename, size: body.length, lfs: { sha256: sha256(body), size: body.length } };
    });
    hub.serve("/api/models/o/r/revision/main", {
      body: Buffer.from(JSON.stringify({ sha: commit, siblings })),
    });
  }
  const asked = (): readonly string[] =>
    hub.requests.map(({ path, range = "whole" }) => `${path.replace(/.*\//, "")} ${range}`);

  it("reads the first bytes of the GGUF that is meant, with the token", async () => {
    publish({ "m-Q4_K_M.gguf": gguf, "m-Q8_0.gguf": tinyGguf() });
    expect(await peek("hf:o/r:q4_k_m")).toMatchObject(KNOWN);
    expect(asked()).toEqual(["main?blobs=true whole", "m-Q4_K_M.gguf bytes=0-1999999"]);
    expect(hub.requests.every(({ headers }) => headers.authorization === "Bearer hf_secret")).toBe(
      true,
    );
  });

  it("reads config.json and the index of a snapshot, and counts the files that the index names", async () => {
    publish({ ...TINY_SNAPSHOT, "consolidated.safetensors": Buffer.alloc(5000) });
    expect(await peek("hf:o/r", "safetensors")).toMatchObject({
      weightsBytes: TINY_SNAPSHOT["model-1.safetensors"]?.length,
      facts: { architecture: "llama", trainedContext: 2048 },
    });
    expect(asked()).toEqual([
      "main?blobs=true whole",
      "config.json whole",
      "model.safetensors.index.json whole",
    ]);
  });

  it("says why it can't: gated, offline, and a server that says nothing", async () => {
    hub.fault("/api/models/o/r/revision/main", { kind: "status", status: 401 });
    await expect(peek("hf:o/r")).rejects.toMatchObject({ why: expect.stringContaining("terms") });
    rig.reopen({ HF_ENDPOINT: hub.url, HF_HUB_OFFLINE: "1" });
    await expect(peek("hf:o/r")).rejects.toMatchObject({
      why: expect.stringContaining("HF_HUB_OFFLINE"),
    });
    await using world: TestHost = await testHost({ env: { HF_ENDPOINT: hub.url } });
    hub.fault("/api/models/o/r/revision/main", { kind: "silence" });
    expect(
      await peekModel(world.context, parseReference("hf:o/r"), rig.options, "gguf", 100),
    ).toEqual({ why: "There was no answer within 0.1 s." });
  });

  it("is ended by Ctrl-C like anything else", async () => {
    await using world: TestHost = await testHost({ env: { HF_ENDPOINT: hub.url } });
    hub.fault("/api/models/o/r/revision/main", { kind: "silence" });
    const looking = peekModel(world.context, parseReference("hf:o/r"), rig.options, "gguf");
    world.abort.abort(new Error("interrupted"));
    await expect(looking).rejects.toThrow("interrupted");
  });
});

it("of a wheel knows what the index tells: its size", async () => {
  await using index = await fakeFiles();
  rig.reopen({ PIP_INDEX_URL: `${index.url}/simple/` });
  const wheel = (size?: number): Buffer =>
    Buffer.from(
      JSON.stringify({
        files: [
          {
            filename: "tiny-1.0-py3-none-any.whl",
            url: "x.whl",
            hashes: { sha256: "a".repeat(64) },
            ...(size === undefined ? {} : { size }),
          },
        ],
      }),
    );
  const headers = { "content-type": "application/vnd.pypi.simple.v1+json" };
  index.serve("/simple/tiny/", { body: wheel(12_345), headers });
  expect(await peek("pypi:tiny")).toEqual({ weightsBytes: 12_345 });
  index.serve("/simple/tiny/", { body: wheel(), headers });
  expect(await peek("pypi:tiny")).toMatchObject({ why: expect.stringContaining("no size") });
});
