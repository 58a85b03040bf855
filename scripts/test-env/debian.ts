import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { $, which } from "zx";
import { cacheFolder } from "./cache.ts";

export const IN_ROOTFS = join(import.meta.dirname, "in-rootfs.sh");

/** Installs Debian packages on this machine, unless `program` is already there. Needs root. */
export async function installUnlessThere(program: string, ...packages: string[]): Promise<void> {
  if ((await which(program, { nothrow: true })) === null) await install(...packages);
}

/** Installs Debian packages on this machine. Needs root. */
export async function install(...packages: string[]): Promise<void> {
  await $`apt-get update`;
  await $({ env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } })`
    apt-get install -y --no-install-recommends ${packages}`;
}

/** A Debian root file system of `suite` with `packages` in it, made once; returns `folder`. */
export async function debianRootfs(
  folder: string,
  suite: string,
  packages: readonly string[],
): Promise<string> {
  if (existsSync(folder)) return folder;
  await installUnlessThere("debootstrap", "debootstrap");
  const part = `${folder}.part`;
  rmSync(part, { recursive: true, force: true });
  cacheFolder();
  await $`unshare --mount debootstrap --variant=minbase --include=ca-certificates ${suite} ${part} ${debianMirror()}`;
  if (packages.length > 0) {
    writeFileSync(join(part, "usr/sbin/policy-rc.d"), "#!/bin/sh\nexit 101\n", { mode: 0o755 });
    // An index of sid on a mirror may be past its date.
    await inRootfs(part, ["apt-get", "-o", "Acquire::Check-Valid-Until=false", "update"]);
    await inRootfs(part, ["apt-get", "install", "-y", "--no-install-recommends", ...packages]);
  }
  renameSync(part, folder);
  return folder;
}

/** The command that runs `command` with `rootfs` as its root; see in-rootfs.sh. */
export function rootfsCommand(rootfs: string, command: readonly string[]): [string, ...string[]] {
  return [IN_ROOTFS, rootfs, ...command];
}

async function inRootfs(rootfs: string, command: readonly string[]): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  await $({ env })`${rootfsCommand(rootfs, command)}`;
}

/** `STACK_TEST_MIRROR`, else the mirror that this Debian itself is installed from. */
function debianMirror(): string {
  const named = process.env["STACK_TEST_MIRROR"];
  if (named !== undefined) return named;
  const codename = /^VERSION_CODENAME=(\S+)/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1];
  const isMain = (suites: string): boolean =>
    codename !== undefined && suites.split(/\s+/).includes(codename);
  for (const source of aptSources()) {
    for (const [, uri, suite] of source.matchAll(/^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)/gm)) {
      if (isMain(suite ?? "")) return uri ?? "";
    }
    for (const stanza of source.split(/\n\s*\n/)) {
      const uri = /^URIs:\s*(\S+)/m.exec(stanza)?.[1];
      if (uri !== undefined && isMain(/^Suites:\s*(.+)$/m.exec(stanza)?.[1] ?? "")) return uri;
    }
  }
  return "http://deb.debian.org/debian";
}

function aptSources(): string[] {
  const folder = "/etc/apt/sources.list.d";
  const parts = existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
  return ["/etc/apt/sources.list", ...parts]
    .filter((file) => existsSync(file))
    .map((file) => readFileSync(file, "utf8"));
}
