import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";

/** A disk of a chosen size, in memory. */
export interface SmallDisk {
  resize(megabytes: number): void;
  unmount(): void;
}

export function mountSmallDisk(path: string, megabytes: number): SmallDisk {
  mkdirSync(path, { recursive: true });
  const mount = (options: string): void => {
    execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", path]);
  };
  mount(`size=${megabytes}m`);
  return {
    resize: (size) => mount(`remount,size=${size}m`),
    unmount: () => {
      execFileSync("umount", ["-l", path]);
    },
  };
}

/** Mounting takes root, and a kernel (or container) that lets it. */
export function canMount(): boolean {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  try {
    execFileSync("unshare", ["-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
