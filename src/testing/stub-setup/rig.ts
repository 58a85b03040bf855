import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import {
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";

const run = promisify(execFile);
const SCRIPT = fileURLToPath(new URL("../../../scripts/setup-gpu.ts", import.meta.url));
const TOOLS =
  "sudo apt-get dnf ubuntu-drivers akmods systemctl dpkg rpm curl gpg nvidia-smi nvidia-ctk docker";
/** Folders of the machine that the steps write into. */
const ETC = ["docker", "cdi", "apt/sources.list.d", "yum.repos.d"];
const KEYRINGS = "/usr/share/keyrings";

export interface Rehearsal extends AsyncDisposable {
  /** Runs `pnpm setup:gpu` with these flags. */
  setup(
    ...flags: readonly string[]
  ): Promise<{ readonly exitCode: number; readonly output: string }>;
  /** What the stand-ins were told that changes the machine, since the last look. */
  calls(): Promise<readonly string[]>;
  /** As after a restart: the driver's module is loaded. */
  restart(): Promise<void>;
  /** The next `nvidia-ctk cdi generate` fails, or no more. */
  breakCdi(broken: boolean): Promise<void>;
  /** Every file of the machine that the steps or the script itself write, with its text. */
  files(): Promise<Readonly<Record<string, string>>>;
}

/** Other folders in place of the machine's need a mount namespace: root, or a system that lets users have theirs. */
export async function canRehearse(): Promise<boolean> {
  if (process.platform !== "linux") return false;
  return run("unshare", [...NAMESPACE, "sh", "-c", "mount --bind /tmp /etc"]).then(
    () => true,
    () => false,
  );
}

const NAMESPACE = ["--mount", ...(process.getuid?.() === 0 ? [] : ["--map-root-user"])];

/** A machine on which every tool is a stand-in, and `/etc` another folder. `daemonJson`: Docker's configuration, if it has one. */
export async function rehearsal(osRelease: string, daemonJson?: string): Promise<Rehearsal> {
  const root = await mkdtemp(join(tmpdir(), "stack-setup-"));
  const at = (...parts: readonly string[]): string => join(root, ...parts);
  for (const folder of [
    "bin",
    "state",
    "home/.local/state/stack",
    "keyrings",
    ...ETC.map((each) => `etc/${each}`),
  ]) {
    await mkdir(at(folder), { recursive: true });
  }
  await writeFile(at("etc/os-release"), osRelease);
  if (daemonJson !== undefined) await writeFile(at("etc/docker/daemon.json"), daemonJson);
  for (const tool of TOOLS.split(" ")) {
    await copyFile(join(import.meta.dirname, "tools.sh"), at("bin", tool));
    await chmod(at("bin", tool), 0o755);
  }
  const binds = [
    `mount --bind ${at("etc")} /etc`,
    ...(existsSync(KEYRINGS) ? [`mount --bind ${at("keyrings")} ${KEYRINGS}`] : []),
  ];
  return {
    async setup(...flags) {
      const line = [...binds, `exec "${process.execPath}" "${SCRIPT}" "$@"`].join(" && ");
      const child = run("unshare", [...NAMESPACE, "sh", "-c", line, "setup", ...flags], {
        env: {
          HOME: at("home"),
          PATH: `${at("bin")}:${process.env["PATH"] ?? ""}`,
          STUB_STATE: at("state"),
          // What it ends in looks at this machine; there is nothing to be found.
          DOCKER_HOST: "unix:///nowhere/docker.sock",
          STACK_OFFLINE: "true",
        },
      });
      return child.then(
        ({ stdout, stderr }) => ({ exitCode: 0, output: stdout + stderr }),
        (error: { code: number; stdout: string; stderr: string }) => ({
          exitCode: error.code,
          output: error.stdout + error.stderr,
        }),
      );
    },
    async calls() {
      const file = at("state/calls");
      const text = await readFile(file, "utf8").catch(() => "");
      await rm(file, { force: true });
      return text.split("\n").filter((line) => line !== "");
    },
    restart: () => writeFile(at("state/booted"), ""),
    breakCdi: (broken) =>
      broken ? writeFile(at("state/cdi-fails"), "") : rm(at("state/cdi-fails")),
    async files() {
      const found: Record<string, string> = {};
      for (const folder of ["etc", "keyrings", "home/.local/state/stack"]) {
        const options = { recursive: true, withFileTypes: true } as const;
        for (const entry of await readdir(at(folder), options)) {
          const path = join(entry.parentPath, entry.name);
          if (entry.isFile()) found[path.slice(root.length + 1)] = await readFile(path, "utf8");
        }
      }
      return found;
    },
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  };
}
