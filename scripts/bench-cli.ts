#!/usr/bin/env node
// `pnpm bench:cli`: what a command costs before it does anything, whole processes, side by side.
// Differences and ratios within one run are what counts; goals are those of the issue.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { argv } from "zx";
import { STACK_ARGV } from "./stack-argv.ts";

const ROUNDS = Number(argv["rounds"] ?? 21);
const home = await mkdtemp(join(tmpdir(), "stack-bench-"));
const env = { PATH: process.env["PATH"], HOME: home };

interface Row {
  readonly title: string;
  readonly command: readonly string[];
  /** Most milliseconds: over bare Node, or for the whole process. */
  readonly goal?: { readonly over: number } | { readonly whole: number };
}
const rows: readonly Row[] = [
  { title: "node -e 0", command: ["-e", "0"] },
  { title: "stack --help", command: [...STACK_ARGV, "--help"], goal: { over: 100 } },
  { title: "stack --version", command: [...STACK_ARGV, "--version"], goal: { over: 100 } },
  { title: "stack up --help", command: [...STACK_ARGV, "up", "--help"], goal: { over: 100 } },
  {
    title: "completion of a word",
    command: [...STACK_ARGV, "complete", "--", "mod"],
    goal: { over: 100 },
  },
  { title: "stack ps --json", command: [...STACK_ARGV, "ps", "--json"], goal: { whole: 300 } },
  { title: "stack config show", command: [...STACK_ARGV, "config", "show"], goal: { whole: 300 } },
  {
    title: "stack status --json",
    command: [...STACK_ARGV, "status", "--json", "--name", String(argv["name"] ?? "default")],
    goal: { whole: 300 },
  },
];

function once(command: readonly string[]): number {
  const begun = performance.now();
  // Given a stack's name, the real home is used, and `ps` and `status` find it running.
  spawnSync(process.execPath, command, {
    env: argv["name"] === undefined ? env : process.env,
    stdio: "ignore",
  });
  return performance.now() - begun;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

// Round by round, so that a busy moment of the machine hits all rows alike; the first fills caches.
const samples = rows.map((): number[] => []);
for (let round = 0; round <= ROUNDS; round += 1) {
  for (const [index, row] of rows.entries()) {
    const ms = once(row.command);
    if (round > 0) samples[index]?.push(ms);
  }
}
await rm(home, { recursive: true, force: true });

const bare = median(samples[0] ?? []);
let met = true;
console.log(`${ROUNDS} rounds, medians, ${process.version}`);
for (const [index, { title, goal }] of rows.entries()) {
  const ms = median(samples[index] ?? []);
  const best = Math.min(...(samples[index] ?? []));
  const over = ms - bare;
  const ok = goal === undefined || ("over" in goal ? over <= goal.over : ms <= goal.whole);
  met &&= ok;
  const text =
    goal === undefined
      ? ""
      : `${ok ? "ok  " : "MISS"} goal ${"over" in goal ? `+${goal.over}` : goal.whole} ms`;
  console.log(
    `${title.padEnd(22)} ${ms.toFixed(0).padStart(5)} ms  best ${best.toFixed(0).padStart(4)}  over bare ${over.toFixed(0).padStart(4)}  × ${(ms / bare).toFixed(1).padStart(4)}  ${text}`,
  );
}
process.exitCode = met ? 0 : 1;
