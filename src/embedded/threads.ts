import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/**
 * Threads to compute with: physical cores minus one, at least one, never more than this process may use.
 * ggml's threads spin while they wait; when they outnumber the free cores the whole engine stalls
 * (seen: 94 tokens/s with one thread, near zero with two on a contended two-core machine).
 */
export function defaultThreads(): number {
  const usable = availableParallelism();
  return Math.max(1, Math.min(physicalCores(readCpuInfo()) ?? usable, usable) - 1);
}

function readCpuInfo(): string {
  try {
    return readFileSync("/proc/cpuinfo", "utf8");
  } catch {
    // Not Linux: the number of logical processors has to do.
    return "";
  }
}

/** Distinct pairs of socket and core in the text of `/proc/cpuinfo`; undefined where it names none (ARM, virtual machines). */
export function physicalCores(cpuinfo: string): number | undefined {
  const cores = new Set<string>();
  for (const block of cpuinfo.split(/\n\s*\n/)) {
    const core = /^core id\s*:\s*(\d+)/m.exec(block)?.[1];
    if (core === undefined) continue;
    cores.add(`${/^physical id\s*:\s*(\d+)/m.exec(block)?.[1] ?? "0"}:${core}`);
  }
  return cores.size === 0 ? undefined : cores.size;
}
