import { readFile } from "node:fs/promises";
import { freemem, totalmem } from "node:os";
import { dirname, join } from "node:path";

/** Memory of this machine, in bytes. */
export interface HostMemory {
  readonly totalBytes: number;
  /** What a new program can have without anything being swapped out: caches count as free. */
  readonly freeBytes: number;
  /** Of this process's control group, where one limits it: what is left of the tightest. */
  readonly groupFreeBytes?: number;
}

/**
 * `MemAvailable` of /proc/meminfo, and the limits of control groups (version 1 and 2) on the way up. Where there is no
 * /proc, Node's figures. `root` stands before every path; it is for tests.
 */
export async function hostMemory(root = "/"): Promise<HostMemory> {
  const meminfo = await read(join(root, "proc/meminfo"));
  const totalBytes = kilobytes(meminfo, "MemTotal") ?? totalmem();
  const freeBytes = kilobytes(meminfo, "MemAvailable") ?? freemem();
  const groupFreeBytes = await groupFree(root);
  return { totalBytes, freeBytes, ...(groupFreeBytes === undefined ? {} : { groupFreeBytes }) };
}

/** Bytes of a running process that would be free without it: what it has of its own, not what it reads from files. */
export async function processMemory(pid: number, root = "/"): Promise<number | undefined> {
  return kilobytes(await read(join(root, `proc/${pid}/status`)), "RssAnon");
}

async function groupFree(root: string): Promise<number | undefined> {
  const groups = await read(join(root, "proc/self/cgroup"));
  const rooms: number[] = [];
  for (const line of groups.split("\n")) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) continue;
    if (controllers === "") {
      rooms.push(...(await roomsOnTheWayUp(join(root, "sys/fs/cgroup"), path, VERSION_2)));
    } else if (controllers.split(",").includes("memory")) {
      rooms.push(...(await roomsOnTheWayUp(join(root, "sys/fs/cgroup/memory"), path, VERSION_1)));
    }
  }
  return rooms.length === 0 ? undefined : Math.max(0, Math.min(...rooms));
}

interface GroupFiles {
  readonly limit: string;
  readonly usage: string;
  /** In `memory.stat`: what the kernel gives back first. */
  readonly reclaimable: string;
}

const VERSION_1: GroupFiles = {
  limit: "memory.limit_in_bytes",
  usage: "memory.usage_in_bytes",
  reclaimable: "total_inactive_file",
};
const VERSION_2: GroupFiles = {
  limit: "memory.max",
  usage: "memory.current",
  reclaimable: "inactive_file",
};

/** Version 1 writes "no limit" as the largest number of pages, some 9.2e18 bytes. */
const NO_LIMIT = 2 ** 60;

async function roomsOnTheWayUp(
  mount: string,
  path: string,
  files: GroupFiles,
): Promise<readonly number[]> {
  const rooms: number[] = [];
  // In a container the path is that of the host, and only the mount itself is there.
  for (let at = path; ; at = dirname(at)) {
    const folder = join(mount, at);
    const limit = Number(await read(join(folder, files.limit)));
    const usage = Number(await read(join(folder, files.usage)));
    if (limit > 0 && limit < NO_LIMIT && Number.isFinite(usage)) {
      const stat = await read(join(folder, "memory.stat"));
      const match = new RegExp(`^${files.reclaimable} (\\d+)$`, "m").exec(stat);
      rooms.push(limit - usage + Number(match?.[1] ?? 0));
    }
    if (at === "/") return rooms;
  }
}

function kilobytes(text: string, key: string): number | undefined {
  const match = new RegExp(`^${key}:\\s+(\\d+) kB$`, "m").exec(text);
  return match === null ? undefined : Number(match[1]) * 1024;
}

/** Empty where there is none, or where it may not be read. */
async function read(file: string): Promise<string> {
  try {
    return (await readFile(file, "utf8")).trimEnd();
  } catch {
    return "";
  }
}
