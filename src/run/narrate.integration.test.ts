import { mkdir, readdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { expect, it } from "vitest";
import type { Host } from "../host/host.ts";
import { testHost, type TestHost } from "../testing/test-host.ts";
import { narrated } from "./narrate.ts";
import { rememberStart, usualStartMs } from "./start-times.ts";

/** A clock that is moved by hand; sleeping lasts until the signal ends it. */
function handClock(host: Host): { readonly host: Host; set(ms: number): void } {
  let time = 0;
  const sleep = (_ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
  return {
    host: { ...host, clock: { ...host.clock, monotonic: () => time, sleep } },
    set: (ms) => {
      time = ms;
    },
  };
}

/** One start that takes `ms`, whose log says `lines` half-way. */
async function start(test: TestHost, ms: number, lines: readonly string[]): Promise<void> {
  const clock = handClock(test.host);
  const following = Promise.withResolvers<(line: string) => void>();
  await narrated(
    { ...test.context, host: clock.host },
    {
      start: "engine model 8192",
      follow: (onLine, signal) => {
        following.resolve(onLine);
        return new Promise((resolve) => signal.addEventListener("abort", resolve));
      },
    },
    async () => {
      const onLine = await following.promise;
      clock.set(ms / 2);
      lines.forEach(onLine);
      clock.set(ms);
    },
  );
}

it("tells the phases of the log, and from the second time on what is left", async () => {
  await using test = await testHost();
  await start(test, 60_000, ["load_model: loading model 'x'", "nothing of note"]);
  expect(test.events).toEqual([{ type: "phase", phase: "weights", elapsedSeconds: 30 }]);
  test.events.length = 0;
  await start(test, 40_000, ["Loading safetensors checkpoint shards:  50% Completed"]);
  expect(test.events).toEqual([
    { type: "phase", phase: "weights", fraction: 0.5, elapsedSeconds: 20, etaSeconds: 40 },
  ]);
});

it("a wait for what ran already is no start: it has no usual time, and leaves none", async () => {
  await using test = await testHost();
  const narration = { start: undefined, follow: async () => {} };
  expect(await narrated(test.context, narration, async () => "up")).toBe("up");
  await expect(readdir(test.host.paths.state)).rejects.toThrow("ENOENT");
});

it("that a start cannot be noted fails nothing", async () => {
  await using test = await testHost();
  await mkdir(dirname(test.host.paths.state), { recursive: true });
  await writeFile(test.host.paths.state, "in the way");
  const narration = { start: "engine", follow: async () => {} };
  expect(await narrated(test.context, narration, async () => "up")).toBe("up");
});

it("remembers the median of the last five, and only starts that succeeded", async () => {
  await using test = await testHost();
  for (const ms of [9000, 1000, 3000, 2000, 5000, 4000]) await start(test, ms, []);
  // 9000 was the first of six.
  expect(await usualStartMs(test.host, "engine model 8192")).toBe(3000);
  const failing = narrated(
    test.context,
    { start: "engine model 8192", follow: async () => {} },
    async () => {
      throw new Error("it did not start");
    },
  );
  await expect(failing).rejects.toThrow("it did not start");
  expect(await usualStartMs(test.host, "engine model 8192")).toBe(3000);
});

it("forgets none of several starts that end at once", async () => {
  await using test = await testHost();
  const keys = ["a", "b", "c", "d"];
  await Promise.all(keys.map(async (key) => rememberStart(test.context, key, 1000)));
  for (const key of keys) expect(await usualStartMs(test.host, key)).toBe(1000);
});

it("a log that can't be followed does not fail the start", async () => {
  await using test = await testHost();
  const result = narrated(
    test.context,
    { start: "x", follow: () => Promise.reject(new Error("no log driver")) },
    async () => "started",
  );
  expect(await result).toBe("started");
});

it("says what is waited for, and not the last of the log", async () => {
  await using test = await testHost();
  let wake = (): void => {};
  const sleep = (_ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      wake = resolve;
      signal?.addEventListener("abort", () => reject(signal.reason));
    });
  const host = { ...test.host, clock: { ...test.host.clock, sleep } };
  const follow = async (onLine: (line: string) => void): Promise<void> => onLine("warmup");
  await narrated({ ...test.context, host }, { start: "x", follow }, async (doing) => {
    doing("first token");
    wake();
    await new Promise(setImmediate);
    doing("reading 8183 tokens", 60_000);
    doing("trying a longer prompt");
    wake();
    await new Promise(setImmediate);
  });
  expect(test.events).toMatchObject([
    { phase: "warm-up" },
    { phase: "first token" },
    { phase: "reading 8183 tokens", etaSeconds: 60 },
    { phase: "trying a longer prompt" },
  ]);
  expect(test.events.at(-1)).not.toHaveProperty("etaSeconds");
});
