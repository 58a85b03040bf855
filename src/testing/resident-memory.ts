import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What some processes have in memory together, in bytes; what they share counts once. */
export interface ResidentMemory {
  /** Of their own: heaps, buffers, keys and values, weights that were read. */
  readonly anonymous: number;
  /** Memory that they made to share. */
  readonly shared: number;
  /** Pages of mapped files that are in memory: programs, libraries, weights. */
  readonly files: number;
  readonly total: number;
}

/** Texts of one process below /proc (`man 5 proc_pid_smaps`). */
export interface ProcessTexts {
  readonly smaps: string;
  readonly rollup: string;
}

/**
 * Adds up what the kernel tells of each process. What a fork shares is split among its owners by the kernel (`Pss_Anon`), so the
 * sum has it once. Files are counted whole, whoever else maps them and whichever control group was charged for reading them; of
 * several processes that map the same file, the one with most of it counts.
 */
export function residentMemory(processes: readonly ProcessTexts[]): ResidentMemory {
  const files = new Map<string, number>();
  for (const { smaps } of processes) {
    for (const [file, bytes] of filesOf(smaps)) {
      files.set(file, Math.max(files.get(file) ?? 0, bytes));
    }
  }
  const sum = (key: string): number =>
    processes.reduce((total, { rollup }) => total + bytesOf(rollup, key), 0);
  const anonymous = sum("Pss_Anon");
  const shared = sum("Pss_Shmem");
  const inFiles = [...files.values()].reduce((total, bytes) => total + bytes, 0);
  return { anonymous, shared, files: inFiles, total: anonymous + shared + inFiles };
}

const AREA = /^[0-9a-f]+-[0-9a-f]+ \S+ \S+ (\S+ \d+) *(.*)$/;
/** Mapped like files, and counted as shared memory. */
const SHARED = /^(\/dev\/shm\/|\/dev\/zero|\/memfd:|\/SYSV)/;

/** Resident bytes by device and inode, without the pages that were written to, which are the process's own. */
function filesOf(smaps: string): ReadonlyMap<string, number> {
  const files = new Map<string, number>();
  let file: string | undefined;
  for (const line of smaps.split("\n")) {
    const [, id, path = ""] = AREA.exec(line) ?? [];
    if (id !== undefined) file = id.endsWith(" 0") || SHARED.test(path) ? undefined : id;
    if (file === undefined) continue;
    const own = line.startsWith("Anonymous:");
    if (!own && !line.startsWith("Rss:")) continue;
    const bytes = bytesOf(line, own ? "Anonymous" : "Rss");
    files.set(file, (files.get(file) ?? 0) + (own ? -bytes : bytes));
  }
  return files;
}

function bytesOf(text: string, key: string): number {
  return Number(new RegExp(`^${key}: +(\\d+) kB$`, "m").exec(text)?.[1] ?? 0) * 1024;
}

/** Processes of a container, by the control groups that carry its id (version 1 and 2). */
export function containerProcesses(id: string): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && read(join("/proc", name, "cgroup")).includes(id))
    .map(Number);
}

/** Of processes of this machine; needs to be their user, or root. */
export function measureProcesses(pids: readonly number[]): ResidentMemory {
  return residentMemory(
    pids.map((pid) => ({
      smaps: read(`/proc/${pid}/smaps`),
      rollup: read(`/proc/${pid}/smaps_rollup`),
    })),
  );
}

/** Empty where the process is gone. */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
