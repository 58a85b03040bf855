import { expect, it } from "vitest";
import { measureProcesses, residentMemory, type ProcessTexts } from "./resident-memory.ts";

const process = (
  areas: readonly { readonly inode: number; path: string; rss: number; own: number }[],
  anon: number,
  shmem = 0,
): ProcessTexts => ({
  smaps: areas
    .map(({ inode, path, rss, own }) =>
      [
        `7f0000000000-7f0000100000 r--p 00000000 fe:00 ${inode}                    ${path}`,
        `Rss:             ${rss} kB`,
        `Pss:             1 kB`,
        `Anonymous:       ${own} kB`,
        `AnonHugePages:   0 kB`,
        "VmFlags: rd mr mw",
      ].join("\n"),
    )
    .join("\n"),
  rollup: `00400000-7ffe ---p 00000000 00:00 0   [rollup]\nRss:   9 kB\nPss_Anon:   ${anon} kB\nPss_File:   3 kB\nPss_Shmem:   ${shmem} kB\n`,
});
const weights = (rss: number) => ({ inode: 12, path: "/models/blobs/sha256-aa", rss, own: 0 });

it("counts a file once for all processes that map it, and whole where others do too", () => {
  const { files } = residentMemory([
    process([weights(300), { inode: 13, path: "/usr/lib/libc.so.6", rss: 20, own: 0 }], 0),
    process([weights(500)], 0),
  ]);
  expect(files).toBe(520 * 1024);
});

it("adds up the areas of one file within a process", () => {
  expect(residentMemory([process([weights(300), weights(40)], 0)]).files).toBe(340 * 1024);
});

it("counts pages that were written to, heaps and shared memory where they belong", () => {
  const memory = residentMemory([
    process(
      [
        { inode: 14, path: "/usr/lib/libggml.so", rss: 50, own: 30 },
        { inode: 0, path: "[heap]", rss: 900, own: 900 },
        { inode: 15, path: "/dev/shm/torch_1", rss: 64, own: 0 },
        { inode: 16, path: "/memfd:x (deleted)", rss: 8, own: 0 },
      ],
      930,
      72,
    ),
  ]);
  expect(memory).toEqual({
    anonymous: 930 * 1024,
    shared: 72 * 1024,
    files: 20 * 1024,
    total: 1022 * 1024,
  });
});

it("has nothing of a process that is gone", () => {
  expect(measureProcesses([2 ** 30]).total).toBe(0);
});
