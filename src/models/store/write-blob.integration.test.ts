import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import { expect, it } from "vitest";
import { testHost } from "../../testing/test-host.ts";
import { makeFolder, storeLayout } from "./layout.ts";
import { writeBlob } from "./write-blob.ts";

async function* once(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text);
}

it("keeps the blob that is there, and leaves nothing of one that was stopped at the last step", async () => {
  await using test = await testHost();
  const layout = storeLayout(test.home);
  await makeFolder(layout.root, layout.blobs);
  const hex = createHash("sha256").update("same").digest("hex");
  const { signal } = test.abort;
  for (const id of ["first", "second"]) {
    const blob = await writeBlob(layout, id, once("same"), signal);
    expect(blob).toEqual({ digest: `sha256:${hex}`, bytes: 4 });
  }
  const stop = (): void => test.abort.abort(new Error("stopped"));
  await expect(writeBlob(layout, "third", once("same"), signal, stop)).rejects.toThrow("stopped");
  expect(await readdir(layout.blobs)).toEqual([`sha256-${hex}`]);
});
