import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, it } from "vitest";
import { testHost, type TestHost } from "../../testing/test-host.ts";
import { noise } from "../../testing/tiny-gguf.ts";
import { tinyZip } from "../../testing/tiny-zip.ts";
import { memberBytes, readZipDirectory } from "./zip.ts";

let world: TestHost;
let path: string;
const { signal } = new AbortController();
beforeEach(async () => {
  world = await testHost();
  path = join(world.home, "a.zip");
});
afterEach(() => world[Symbol.asyncDispose]());

async function read(index: number): Promise<Buffer> {
  const member = (await readZipDirectory(path))[index];
  if (member === undefined) throw new Error("no such member");
  return Buffer.concat(await Array.fromAsync(memberBytes(path, member, signal)));
}

it("gives back what was packed", async () => {
  const entry = fc.record({
    name: fc.stringMatching(/^[a-z/._-]{1,30}$/),
    content: fc.uint8Array({ maxLength: 5000 }).map((bytes) => Buffer.from(bytes)),
    stored: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { maxLength: 5 }), async (entries) => {
      await writeFile(path, tinyZip(entries));
      const members = await readZipDirectory(path);
      expect(members.map(({ name }) => name)).toEqual(entries.map(({ name }) => name));
      for (const [index, { content }] of entries.entries()) {
        expect(await read(index)).toEqual(content);
      }
    }),
    { numRuns: 30 },
  );
});

it("never gives wrong bytes for a damaged archive: an error, or those that were packed", async () => {
  const content = noise(3000, 5);
  const archive = tinyZip([{ name: "m", content }]);
  const damage = fc.tuple(fc.nat(archive.length - 1), fc.integer({ min: 1, max: 255 }));
  await fc.assert(
    fc.asyncProperty(damage, async ([at, flip]) => {
      const bytes = Buffer.from(archive);
      bytes[at] = (bytes[at] ?? 0) ^ flip;
      await writeFile(path, bytes);
      const got = await read(0).catch(() => content);
      expect(got.equals(content)).toBe(true);
    }),
    { numRuns: 200 },
  );
});

it.each([
  ["nothing", Buffer.alloc(0)],
  ["text", Buffer.from("<html>".repeat(100))],
  ["the first half", tinyZip([{ name: "m", content: noise(3000, 5) }]).subarray(0, 1500)],
])("refuses %s", async (_, bytes) => {
  await writeFile(path, bytes);
  await expect(readZipDirectory(path)).rejects.toThrow("not a zip archive");
});

it("does not inflate more than the archive says", async () => {
  const bomb = tinyZip([{ name: "m", content: Buffer.alloc(10_000_000) }]);
  const end = bomb.indexOf("PK\u0001\u0002", 0, "latin1");
  bomb.writeUInt32LE(100, end + 24);
  await writeFile(path, bomb);
  await expect(read(0)).rejects.toThrow("larger than the archive says");
});
