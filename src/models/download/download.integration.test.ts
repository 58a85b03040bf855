import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Progress } from "../../events.ts";
import { fakeFiles, type FakeFiles, type Fault } from "../../testing/fake-files.ts";
import { quickClock } from "../../testing/quick-clock.ts";
import { testHost, type TestHost } from "../../testing/test-host.ts";
import { noise } from "../../testing/tiny-gguf.ts";
import { canMount, mountSmallDisk } from "../../testing/tmpfs.ts";
import type { Digest } from "../model.ts";
import { openHttp, type Http } from "../net/http.ts";
import { download, type DownloadJob } from "./download.ts";
import { startMeter } from "./meter.ts";

const SIZE = 5_000_000;
const body = noise(SIZE, 7);
const digest: Digest = `sha256:${createHash("sha256").update(body).digest("hex")}`;

let world: TestHost;
let server: FakeFiles;
let http: Http;
let target: string;
const waits: number[] = [];

beforeEach(async () => {
  waits.length = 0;
  world = await testHost({ clock: quickClock(waits) });
  server = await fakeFiles();
  server.serve("/f", { body });
  // Real timers inside undici: 300 ms without a byte is a stall.
  http = await openHttp(world.context, undefined, { stallMs: 300, connectMs: 1000 });
  await mkdir(join(world.home, "pool"));
  target = join(world.home, "pool", "f");
});
afterEach(async () => {
  await http.close();
  await server[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

function job(change: Partial<DownloadJob> = {}): DownloadJob {
  return { url: `${server.url}/f`, digest, bytes: SIZE, name: "f", ...change };
}

async function get(change: Partial<DownloadJob> = {}): Promise<void> {
  const meter = startMeter(world.context, "t", "t");
  await download(
    { context: world.context, http, meter, locks: join(world.home, "locks") },
    target,
    job(change),
  );
  meter.done();
}

async function expectWhole(): Promise<void> {
  expect(
    createHash("sha256")
      .update(await readFile(target))
      .digest("hex"),
  ).toBe(digest.slice(7));
  expect(await readdir(join(world.home, "pool"))).toEqual(["f"]);
  expect((await stat(target)).mode & 0o777).toBe(0o644);
}

async function expectInvisible(): Promise<void> {
  expect(await readdir(join(world.home, "pool"))).not.toContain("f");
}

const ranges = (): readonly (string | undefined)[] => server.requests.map(({ range }) => range);

describe("a download that ends well in spite of", () => {
  it.each<readonly [string, readonly Fault[], readonly (string | undefined)[]]>([
    ["nothing", [], [undefined]],
    ["a cut", [{ kind: "cut", afterBytes: 1_000_000 }], [undefined, "bytes=1000000-"]],
    ["a cut before the first byte", [{ kind: "cut", afterBytes: 0 }], [undefined, undefined]],
    [
      "a cut, then a 200 to the Range",
      [{ kind: "cut", afterBytes: 3_000_000 }, { kind: "ignore-range" }],
      [undefined, "bytes=3000000-"],
    ],
    [
      "a cut, then another range than asked for",
      [{ kind: "cut", afterBytes: 3_000_000 }, { kind: "wrong-range" }],
      [undefined, "bytes=3000000-", undefined],
    ],
    ["a stall", [{ kind: "stall", afterBytes: 2_000_000 }], [undefined, "bytes=2000000-"]],
    ["a server that does not answer", [{ kind: "silence" }], [undefined, undefined]],
    ["an early end", [{ kind: "end-early", afterBytes: 10 }], [undefined, "bytes=10-"]],
    [
      "503 and 429",
      [
        { kind: "status", status: 503 },
        { kind: "status", status: 429 },
      ],
      [undefined, undefined, undefined],
    ],
  ])(
    "%s",
    async (_, faults, expected) => {
      server.fault("/f", ...faults);
      await get();
      await expectWhole();
      expect(ranges()).toEqual(expected);
      // The limit of 300 ms and some, not that of undici.
    },
    10_000,
  );

  it("cuts anywhere, any number of them", async () => {
    const cuts = fc.array(fc.integer({ min: 0, max: SIZE - 1 }), { minLength: 1, maxLength: 6 });
    let round = 0;
    await fc.assert(
      fc.asyncProperty(cuts, async (bytes) => {
        target = join(world.home, "pool", `f${(round += 1)}`);
        server.fault("/f", ...bytes.map((afterBytes): Fault => ({ kind: "cut", afterBytes })));
        await get();
        expect((await readFile(target)).equals(body)).toBe(true);
        server.fault("/f");
      }),
      { numRuns: 12 },
    );
    expect(
      (await readdir(join(world.home, "pool"))).filter((name) => !/^f\d+$/.test(name)),
    ).toEqual([]);
  });

  it("an earlier process that stopped half-way", async () => {
    await writeFile(`${target}.partial`, body.subarray(0, 1234));
    await get();
    await expectWhole();
    expect(ranges()).toEqual(["bytes=1234-"]);
  });

  it("an earlier process that stopped just before the rename", async () => {
    await writeFile(`${target}.partial`, body);
    await get();
    await expectWhole();
    expect(ranges()).toEqual([]);
  });

  it.each([
    ["bytes that are wrong", noise(1234, 9)],
    ["more bytes than the file has", noise(SIZE + 10, 9)],
    ["as many bytes as the file has, all wrong", noise(SIZE, 9)],
  ])("an earlier process that left %s", async (_, left) => {
    await writeFile(`${target}.partial`, left);
    await get();
    await expectWhole();
    expect(ranges().at(-1)).toBeUndefined();
  });

  it("a source that has changed since", async () => {
    server.fault("/f", { kind: "cut", afterBytes: 1_000_000 });
    server.serve("/f", { body: noise(SIZE, 8) });
    const other = get({ digest: `sha256:${"0".repeat(64)}` });
    await expect(other).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
    server.serve("/f", { body });
    await get();
    await expectWhole();
  });

  it("an unknown size", async () => {
    server.fault("/f", { kind: "cut", afterBytes: 1_000_000 });
    await get({ bytes: undefined });
    await expectWhole();
    expect(ranges()).toEqual([undefined, "bytes=1000000-"]);
  });
});

describe("a download that fails", () => {
  it("names the file whose digest is wrong, and keeps nothing of it", async () => {
    server.fault("/f", { kind: "corrupt", atByte: 4_999_999 });
    await expect(get()).rejects.toMatchObject({
      code: "DIGEST_MISMATCH",
      exitCode: 7,
      what: "f does not have the digest that was promised.",
    });
    expect(await readdir(join(world.home, "pool"))).toEqual([]);
  });

  it("stops at once when more is offered than was promised", async () => {
    await expect(get({ bytes: 1000 })).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
    await expectInvisible();
    expect(server.requests).toHaveLength(1);
  });

  it.each([
    [404, "does not have it (404)", 1],
    [403, "refuses access (403)", 1],
    [500, "answers 500", 9],
  ])("on %i after a bounded number of attempts", async (status, why, attempts) => {
    const endless = Array.from({ length: 50 }, (): Fault => ({ kind: "status", status }));
    server.fault("/f", ...endless);
    await expect(get()).rejects.toMatchObject({
      code: "MODEL_UNAVAILABLE",
      exitCode: 6,
      why: expect.stringContaining(why),
    });
    expect(server.requests).toHaveLength(attempts);
    await expectInvisible();
  });

  it("waits longer each time, and as long as the server asks", async () => {
    server.fault(
      "/f",
      { kind: "status", status: 503 },
      { kind: "status", status: 503 },
      { kind: "status", status: 503, headers: { "retry-after": "7" } },
    );
    await get();
    const [first = 0, second = 0, third] = waits;
    expect(first).toBeGreaterThanOrEqual(125);
    expect(first).toBeLessThanOrEqual(250);
    expect(second).toBeGreaterThanOrEqual(250);
    expect(second).toBeLessThanOrEqual(500);
    expect(third).toBe(7000);
  });

  it("does not wait an hour for a server that asks for it", async () => {
    server.fault("/f", { kind: "status", status: 429, headers: { "retry-after": "3600" } });
    await expect(get()).rejects.toMatchObject({ code: "MODEL_UNAVAILABLE" });
    expect(waits).toEqual([]);
  });

  it("when nothing listens, soon", async () => {
    await expect(get({ url: "http://127.0.0.1:9/f" })).rejects.toMatchObject({
      code: "MODEL_UNAVAILABLE",
      why: "Nothing listens at 127.0.0.1:9.",
    });
    expect(waits).toHaveLength(2);
  });

  it("leaves what arrived when it is interrupted, and goes on from there", async () => {
    server.fault("/f", { kind: "stall", afterBytes: 2_500_000 });
    const running = get();
    await vi.waitFor(async () => {
      expect((await stat(`${target}.partial`)).size).toBeGreaterThan(2_000_000);
    });
    world.abort.abort(new Error("Ctrl-C"));
    await expect(running).rejects.toThrow("Ctrl-C");
    await expectInvisible();
    const { size } = await stat(`${target}.partial`);
    expect(body.subarray(0, size).equals(await readFile(`${target}.partial`))).toBe(true);
    const again = { ...world.context, signal: new AbortController().signal };
    const meter = startMeter(again, "t", "t");
    await download(
      { context: again, http, meter, locks: join(world.home, "locks") },
      target,
      job(),
    );
    await expectWhole();
    expect(ranges()).toEqual([undefined, `bytes=${size}-`]);
  });

  it("when the disk has no room, before the first byte", async () => {
    await expect(get({ bytes: 1e17 })).rejects.toMatchObject({ code: "DOES_NOT_FIT", exitCode: 8 });
    expect(server.requests).toHaveLength(0);
  });
});

it("follows a redirect to another host without taking the credentials along", async () => {
  await using storage = await fakeFiles();
  storage.serve("/blob", { body });
  server.serve("/f", { body, redirect: `${storage.url}/blob?signed=1` });
  await get({ headers: () => ({ authorization: "Bearer secret" }) });
  await expectWhole();
  expect(server.requests[0]?.headers.authorization).toBe("Bearer secret");
  expect(storage.requests.map(({ path }) => path)).toEqual(["/blob?signed=1"]);
  expect(storage.requests[0]?.headers.authorization).toBeUndefined();
});

it("logs in when it is asked to, half-way too", async () => {
  const challenge = { "www-authenticate": 'Bearer realm="x"' };
  server.fault(
    "/f",
    { kind: "status", status: 401, headers: challenge },
    { kind: "cut", afterBytes: 100_000 },
    { kind: "status", status: 401, headers: challenge },
  );
  const asked: string[] = [];
  const authorize = async (text: string): Promise<boolean> => asked.push(text) > 0;
  await get({ authorize });
  await expectWhole();
  expect(asked).toEqual(['Bearer realm="x"', 'Bearer realm="x"']);
});

it("tells bytes that only grow, a total, and the end", async () => {
  await get();
  const progress = world.events.filter((event): event is Progress => event.type === "progress");
  const bytes = progress.map((event) => event.bytes);
  expect(bytes).toEqual(bytes.toSorted((a, b) => a - b));
  expect(progress.at(-1)).toMatchObject({ bytes: SIZE, done: true });
});

it("keeps a file that is there, and replaces one that is damaged", async () => {
  await writeFile(target, body);
  await get();
  expect(server.requests).toHaveLength(0);
  await truncate(target, 10);
  await get();
  await expectWhole();
  await writeFile(target, noise(SIZE, 3));
  await get();
  await expectWhole();
});

it.skipIf(!canMount())(
  "on a disk that becomes full (needs root and tmpfs): stops, goes on later",
  async () => {
    const pool = join(world.home, "pool");
    const disk = mountSmallDisk(pool, 3);
    try {
      // Without a size that is told, nothing can be checked first: the write itself fails.
      await expect(get({ bytes: undefined })).rejects.toMatchObject({
        code: "DOES_NOT_FIT",
        exitCode: 8,
        what: "The disk became full while f was written.",
      });
      await expectInvisible();
      disk.resize(30);
      await get({ bytes: undefined });
      expect(ranges().at(-1)).toMatch(/^bytes=\d{7}-$/);
      await expectWhole();
    } finally {
      disk.unmount();
    }
  },
);
