import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { requireDocker } from "../testing/require-docker.ts";
import { testHost } from "../testing/test-host.ts";
import { parseManifest } from "./sources/ollama.ts";
import { parseReference } from "./reference.ts";
import { openStore } from "./store.ts";
import { blobPath, storeLayout } from "./store/layout.ts";
import { MEDIA } from "./store/manifest.ts";

// The model was made by a real `ollama create` and put there by a real `ollama push`.
const docker = await requireDocker();
const options = { insecureRegistries: [], offline: false, ca: undefined };

describe.skipIf(docker === undefined)("a real registry (Debian's docker-registry)", () => {
  let text: string;
  let blobs: string;
  let manifest: Buffer;

  beforeAll(async () => {
    const run = promisify(execFile);
    const { stdout } = await run(process.execPath, ["scripts/test-registry.ts", "start"]);
    const started = JSON.parse(stdout) as { address: string; model: string };
    text = started.model;
    const repository = `http://${started.address}/v2/library/smollm2`;
    blobs = `${repository}/blobs/`;
    const answer = await fetch(`${repository}/manifests/135m`, {
      headers: { accept: MEDIA.manifest },
    });
    manifest = Buffer.from(await answer.arrayBuffer());
  });

  it("gives us the model that Ollama pushed, byte for byte, cut-off download and all", async () => {
    await using world = await testHost();
    const store = openStore(world.context);
    const weights = parseManifest(manifest, text).layers.find(
      ({ mediaType }) => mediaType === MEDIA.model,
    );
    if (weights === undefined) throw new Error("a model without weights");
    const layout = storeLayout(store.root);
    const begun = await fetch(blobs + weights.digest, { headers: { range: "bytes=0-9999999" } });
    const partial = `${blobPath(layout, weights.digest)}.partial`;
    await mkdir(dirname(partial), { recursive: true });
    await writeFile(partial, Buffer.from(await begun.arrayBuffer()));

    const model = await store.ensure(parseReference(text), options);
    expect(model).toMatchObject({ servedName: "smollm2:135m", weights: { bytes: weights.size } });
    expect((await store.verify()).bad).toEqual([]);
    expect(world.events).toContainEqual(
      expect.objectContaining({ message: expect.stringMatching(/goes on at 10\.0 MB/) }),
    );
  });

  it("lets us see what a model takes without fetching it", async () => {
    await using world = await testHost();
    const store = openStore(world.context);
    const peeked = await store.peek(parseReference(text), options);
    expect(await store.list()).toEqual([]);
    const { weights, facts } = await store.ensure(parseReference(text), options);
    const { architecture, trainedContext, memory } = facts;
    expect(peeked).toMatchObject({
      weightsBytes: weights.bytes,
      facts: { architecture, trainedContext, memory },
    });
  });

  it("says what it does not have", async () => {
    await using world = await testHost();
    const store = openStore(world.context);
    await expect(store.ensure(parseReference(`${text}-none`), options)).rejects.toMatchObject({
      code: "MODEL_UNAVAILABLE",
      what: expect.stringContaining("has no ollama:"),
    });
  });
});
