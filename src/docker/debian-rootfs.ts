import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { StackError } from "../errors.ts";
import type { Host } from "../host/host.ts";

const SUITE = "trixie";
/** Fetching and unpacking a minimal Debian: half a minute here, many on a slow line. */
const TIMEOUT_MS = 30 * 60_000;
/** Not needed in an image, or made by the daemon. */
const LEFT_OUT = ["./dev/*", "./var/cache/apt/*", "./var/lib/apt/lists/*", "./var/log/*"];

interface Steps {
  readonly onLine: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Makes a minimal Debian as `folder/rootfs.tar` and resolves to that path. Needs debootstrap and root. */
export async function debianRootfs(host: Host, folder: string, steps: Steps): Promise<string> {
  const rootfs = join(folder, "rootfs");
  const archive = join(folder, "rootfs.tar");
  const mirror = await debianMirror(host);
  if (host.user?.uid !== 0) throw notPossible("Making a Debian system needs root.");
  steps.onLine(`Debian ${SUITE} from ${mirror}`);
  // In a mount namespace of its own, so that nothing stays mounted when it is interrupted.
  await run(host, steps, "unshare", [
    "--mount",
    "debootstrap",
    "--variant=minbase",
    "--include=ca-certificates",
    SUITE,
    rootfs,
    mirror,
  ]);
  await run(host, steps, "tar", [
    `--directory=${rootfs}`,
    "--numeric-owner",
    ...LEFT_OUT.map((glob) => `--exclude=${glob}`),
    "--create",
    `--file=${archive}`,
    ".",
  ]);
  return archive;
}

async function run(
  host: Host,
  { onLine, signal }: Steps,
  program: string,
  args: readonly string[],
): Promise<void> {
  const { exitCode, stdout, stderr } = await host.exec(program, args, {
    timeoutMs: TIMEOUT_MS,
    signal,
  });
  signal.throwIfAborted();
  const lines = `${stdout}\n${stderr}`.split("\n").filter((line) => line.trim() !== "");
  if (exitCode === 0) {
    for (const line of lines.slice(-1)) onLine(line);
    return;
  }
  const missing = exitCode === 127 || lines.some((line) => /debootstrap.*No such file/.test(line));
  throw notPossible(
    missing ? `The program ${args[1] ?? program} is not installed.` : `${program} failed.`,
    lines.slice(-30),
  );
}

function notPossible(why: string, detail: readonly string[] = []): StackError {
  return new StackError("IMAGE_UNAVAILABLE", {
    what: "The base image could not be made.",
    why,
    next: "On a Debian or Ubuntu machine, as root: apt-get install debootstrap, then `stack image build base`.",
    detail,
  });
}

/** `STACK_DEBIAN_MIRROR`, else the mirror that this Debian itself is installed from, else Debian's own. */
async function debianMirror(host: Host): Promise<string> {
  const named = host.env["STACK_DEBIAN_MIRROR"];
  if (named !== undefined && named !== "") return named;
  const release = await readFile("/etc/os-release", "utf8").catch(() => "");
  const own = /^ID=debian$/m.test(release)
    ? mirrorOf(await aptSources(), /^VERSION_CODENAME=(\S+)/m.exec(release)?.[1] ?? "")
    : undefined;
  return own ?? "http://deb.debian.org/debian";
}

/** The first archive in apt's sources (both of its formats) that has the suite itself, not only its updates. */
export function mirrorOf(sources: readonly string[], codename: string): string | undefined {
  for (const source of sources) {
    for (const line of source.split("\n")) {
      const [, uri, suite] = /^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)/.exec(line) ?? [];
      if (suite === codename) return uri;
    }
    for (const stanza of source.split(/\n\s*\n/)) {
      const suites = /^Suites:\s*(.+)$/m.exec(stanza)?.[1]?.split(/\s+/) ?? [];
      if (suites.includes(codename)) return /^URIs:\s*(\S+)/m.exec(stanza)?.[1];
    }
  }
  return undefined;
}

async function aptSources(): Promise<readonly string[]> {
  const folder = "/etc/apt/sources.list.d";
  const names = await readdir(folder).catch(() => []);
  const files = ["/etc/apt/sources.list", ...names.map((name) => join(folder, name))];
  return Promise.all(files.map((file) => readFile(file, "utf8").catch(() => "")));
}
