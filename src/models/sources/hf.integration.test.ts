import { chmod, mkdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fakeFiles, type FakeFiles } from "../../testing/fake-files.ts";
import { CHATML, sha256, storeRig, type StoreRig } from "../../testing/store-rig.ts";
import { noise, tinyGguf } from "../../testing/tiny-gguf.ts";
import { parseReference } from "../reference.ts";

let rig: StoreRig;
beforeEach(async () => {
  rig = await storeRig();
});
afterEach(() => rig[Symbol.asyncDispose]());

describe("hf:", () => {
  const gguf = tinyGguf({ chatTemplate: CHATML });
  const commit = "c".repeat(40);
  let hub: FakeFiles;

  function publish(lfs: boolean): void {
    const siblings = ["m.Q4_K_M.gguf", "m.Q8_0.gguf", "README.md"].map((rfilename) => ({
      rfilename,
      size: gguf.length,
      ...(lfs ? { lfs: { sha256: sha256(gguf), size: gguf.length } } : {}),
    }));
    hub.serve("/api/models/o/r/revision/main", {
      body: Buffer.from(JSON.stringify({ sha: commit, siblings })),
    });
    hub.serve(`/o/r/resolve/${commit}/m.Q4_K_M.gguf`, {
      body: gguf,
      headers: { "x-linked-etag": `"${sha256(gguf)}"` },
    });
  }

  beforeEach(async () => {
    hub = await fakeFiles();
    rig.reopen({ HF_ENDPOINT: `${hub.url}/`, HF_TOKEN: "hf_secret" });
  });
  afterEach(() => hub[Symbol.asyncDispose]());

  it.each([true, false])("downloads by commit, checksum listed: %s", async (lfs) => {
    publish(lfs);
    const model = await rig.ensure("hf:o/r:q4_k_m");
    expect(model).toMatchObject({
      reference: "hf:o/r:q4_k_m",
      servedName: "r:q4_k_m",
      weights: { digest: `sha256:${sha256(gguf)}` },
    });
    expect(new Set(hub.requests.map(({ headers }) => headers.authorization))).toEqual(
      new Set(["Bearer hf_secret"]),
    );
    expect(await rig.faults()).toEqual([]);
  });

  it("explains a gated repository", async () => {
    rig.reopen({ HF_ENDPOINT: hub.url });
    hub.fault("/api/models/o/r/revision/main", { kind: "status", status: 401 });
    await expect(rig.ensure("hf:o/r")).rejects.toMatchObject({
      code: "MODEL_UNAVAILABLE",
      next: `accept the terms at ${hub.url}/o/r and set HF_TOKEN`,
    });
  });

  it("takes what the Hub's own tools have downloaded, without any request", async () => {
    const cache = join(rig.home, "hub");
    rig.reopen({ HF_ENDPOINT: hub.url, HF_HUB_CACHE: cache, HF_HUB_OFFLINE: "1" });
    const folder = join(cache, "models--o--r");
    await mkdir(join(folder, "blobs"), { recursive: true });
    await mkdir(join(folder, "refs"));
    await mkdir(join(folder, "snapshots", commit), { recursive: true });
    await writeFile(join(folder, "refs", "main"), commit);
    const blob = join(folder, "blobs", sha256(gguf));
    await writeFile(blob, gguf);
    await symlink(
      `../../blobs/${sha256(gguf)}`,
      join(folder, "snapshots", commit, "m.Q4_K_M.gguf"),
    );
    const model = await rig.ensure("hf:o/r", { offline: true });
    expect(hub.requests).toEqual([]);
    expect((await stat(rig.store.weightsPath(model))).ino).toBe((await stat(blob)).ino);
    expect(await rig.faults()).toEqual([]);

    await chmod(blob, 0o600);
    await rig.store.remove(parseReference("hf:o/r"));
    await writeFile(blob, noise(gguf.length, 3));
    await expect(rig.ensure("hf:o/r")).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
    await rm(cache, { recursive: true });
    await expect(rig.ensure("hf:o/r")).rejects.toMatchObject({
      code: "MODEL_UNAVAILABLE",
      why: "HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set.",
    });
  });
});
