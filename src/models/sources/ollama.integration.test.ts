import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fakeFiles } from "../../testing/fake-files.ts";
import { fakeRegistry } from "../../testing/fake-registry.ts";
import { sha256, storeRig, type StoreRig } from "../../testing/store-rig.ts";
import { tinyGguf } from "../../testing/tiny-gguf.ts";

let rig: StoreRig;
beforeEach(async () => {
  rig = await storeRig();
});
afterEach(() => rig[Symbol.asyncDispose]());

describe("ollama:", () => {
  it("keeps the manifest byte for byte, and serves a private model by its short name", async () => {
    await using registry = await fakeRegistry();
    const weights = tinyGguf({ weightBytes: 3_000_000 });
    const { manifest, digests } = registry.addModel("library/smollm2", "135m", weights, [
      { mediaType: "application/vnd.ollama.image.template", content: "{{ if .Tools }}{{ end }}" },
      { mediaType: "application/vnd.ollama.image.params", content: "{}" },
    ]);
    registry.faultBlob("library/smollm2", digests[1] ?? "", { kind: "cut", afterBytes: 1_234_567 });
    const model = await rig.ensure(`ollama:${registry.address}/library/smollm2:135m`);
    expect(model).toMatchObject({
      reference: `ollama:${registry.address}/library/smollm2:135m`,
      servedName: "smollm2:135m",
      ollamaTools: true,
      weights: { digest: `sha256:${sha256(weights)}` },
    });
    expect(await readFile(join(rig.store.root, model.ollamaManifest))).toEqual(manifest);
    expect(model.blobs.map(({ digest }) => digest).toSorted()).toEqual(digests.toSorted());
    expect(await rig.faults()).toEqual([]);
    const seen = registry.files.requests.length;
    expect(await rig.ensure(model.reference)).toEqual(model);
    expect(registry.files.requests).toHaveLength(seen);
  });

  it("logs in anonymously, and follows redirects to a storage host without the token", async () => {
    await using storage = await fakeFiles();
    await using registry = await fakeRegistry({ token: "t0k", storage });
    registry.addModel("me/m", "v1", tinyGguf());
    const model = await rig.ensure(`ollama:${registry.address}/me/m:v1`);
    expect(model.servedName).toBe("m:v1");
    expect(model.ollamaTools).toBe(false);
    expect(storage.requests.length).toBeGreaterThan(0);
    expect(storage.requests.every(({ headers }) => headers.authorization === undefined)).toBe(true);
  });

  it.each([
    ["https://[bad/token", '"https://[bad/token" is no address.'],
    ["ftp://127.0.0.1/token", "ftp://127.0.0.1 is not TLS."],
  ])("refuses the token server %s", async (realm, why) => {
    await using registry = await fakeRegistry();
    registry.files.intercept((_, response) => {
      response.writeHead(401, { "www-authenticate": `Bearer realm="${realm}"` }).end();
      return true;
    });
    await expect(rig.ensure(`ollama:${registry.address}/m:v1`)).rejects.toMatchObject({
      code: "MODEL_UNAVAILABLE",
      why,
    });
  });

  it("never gives two models one name", async () => {
    await using one = await fakeRegistry();
    await using two = await fakeRegistry();
    one.addModel("library/m", "v1", tinyGguf({ seed: 1 }));
    two.addModel("library/m", "v1", tinyGguf({ seed: 2 }));
    const first = await rig.ensure(`ollama:${one.address}/m:v1`);
    const second = await rig.ensure(`ollama:${two.address}/m:v1`);
    expect(first.servedName).toBe("m:v1");
    expect(second.servedName).toBe(`${two.address}/library/m:v1`);
    expect(await readFile(join(rig.store.root, first.ollamaManifest))).not.toEqual(
      await readFile(join(rig.store.root, second.ollamaManifest)),
    );
    expect(await rig.faults()).toEqual([]);
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
    await expect(rig.ensure(`ollama:${registry.address}/m:v1`)).rejects.toMatchObject({
      code: "MODEL_UNAVAILABLE",
    });
    expect(await rig.blobFiles()).toEqual([]);
  });

  it("refuses a wrong blob, names it, and shows no model", async () => {
    await using registry = await fakeRegistry();
    const { digests } = registry.addModel("library/m", "v1", tinyGguf());
    registry.faultBlob("library/m", digests[1] ?? "", { kind: "corrupt", atByte: 99 });
    await expect(rig.ensure(`ollama:${registry.address}/m:v1`)).rejects.toMatchObject({
      code: "DIGEST_MISMATCH",
      what: expect.stringContaining(`model ${digests[1]?.slice(0, 19)}`),
    });
    expect(await rig.store.list()).toEqual([]);
    expect(await readdir(join(rig.store.root, "manifests"))).toEqual([]);
  });

  it("refuses a manifest that is not what the registry promises", async () => {
    await using registry = await fakeRegistry();
    registry.addModel("library/m", "v1", tinyGguf());
    registry.files.fault("/v2/library/m/manifests/v1", { kind: "corrupt", atByte: 5 });
    await expect(rig.ensure(`ollama:${registry.address}/m:v1`)).rejects.toMatchObject({
      code: "DIGEST_MISMATCH",
    });
  });

  it("says what a registry does not have", async () => {
    await using registry = await fakeRegistry();
    await expect(rig.ensure(`ollama:${registry.address}/m:v1`)).rejects.toMatchObject({
      code: "MODEL_UNAVAILABLE",
      what: `The registry ${registry.address} has no ollama:${registry.address}/library/m:v1.`,
    });
  });

  it("speaks plain HTTP to another machine only when that is allowed", async () => {
    await using registry = await fakeRegistry();
    registry.addModel("library/m", "v1", tinyGguf());
    // This machine, by an address that does not count as loopback.
    const address = registry.address.replace("127.0.0.1", "0.0.0.0");
    await expect(rig.ensure(`ollama:${address}/m:v1`)).rejects.toMatchObject({
      code: "MODEL_UNAVAILABLE",
      why: `${address} does not speak TLS.`,
      next: `allow plain HTTP for it: --insecure-registries ${address}`,
    });
    const model = await rig.ensure(`ollama:${address}/m:v1`, { insecureRegistries: [address] });
    expect(model.servedName).toBe("m:v1");
  });

  it("repeats what a registry says", async () => {
    await using registry = await fakeRegistry();
    registry.files.intercept((request, response) => {
      if (!request.url?.includes("/manifests/")) return false;
      response.writeHead(412).end('{"errors":[{"code":"X","message":"needs a newer version."}]}');
      return true;
    });
    await expect(rig.ensure(`ollama:${registry.address}/m:v1`)).rejects.toMatchObject({
      why: `${registry.address} answers 412: needs a newer version.`,
    });
  });

  it("refuses without the network", async () => {
    await expect(rig.ensure("ollama:qwen3:8b", { offline: true })).rejects.toMatchObject({
      code: "MODEL_UNAVAILABLE",
      next: "with the network allowed: stack models pull ollama:qwen3:8b",
    });
  });
});
