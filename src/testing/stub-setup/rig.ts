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
const CARDS = "/sys/bus/pci/devices";

export interface Machine {
  readonly osRelease: string;
  /** Docker's configuration, if it has one. */
  readonly daemonJson?: string;
  /** An NVIDIA card, unless `none` is there. */
  readonly gpu?: "nvidia" | "none";
  /** More files below `/etc`. */
  readonly etc?: Readonly<Record<string, string>>;
  /** What an earlier run wrote down of what it has done. */
  readonly record?: string;
  /** For `stack doctor`, in which it ends. */
  readonly dockerHost?: string;
}

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
  /** Docker does not start again, or does. */
  breakDocker(broken: boolean): Promise<void>;
  /** Every file of the machine that the steps or the script itself write, with its text. */
  files(): Promise<Readonly<Record<string, string>>>;
}

/** Other folders in place of the machine's need a mount namespace: root, or a system that lets users have theirs. */
export async function canRehearse(): Promise<boolean> {
  if (process.platform !== "linux") return false;
  if (!existsSync(CARDS)) return false;
  return run("unshare", [...NAMESPACE, "sh", "-c", "mount --bind /tmp /etc"]).then(
    () => true,
    () => false,
  );
}

const NAMESPACE = ["--mount", ...(process.getuid?.() === 0 ? [] : ["--map-root-user"])];

/** A machine on which every tool is a stand-in, and `/etc` and the PCI bus other folders. */
export async function rehearsal({
  osRelease,
  daemonJson,
  gpu = "nvidia",
  etc = {},
  record,
  dockerHost = "unix:///nowhere/docker.sock",
}: Machine): Promise<Rehearsal> {
  const root = await mkdtemp(join(tmpdir(), "stack-setup-"));
  const at = (...parts: readonly string[]): string => join(root, ...parts);
  for (const folder of [
    "bin",
    "state",
    "home/.local/state/stack",
    "keyrings",
    "pci/0000:01:00.0",
    ...ETC.map((each) => `etc/${each}`),
  ]) {
    await mkdir(at(folder), { recursive: true });
  }
  const mark = (name: string, there: boolean): Promise<void> =>
    there ? writeFile(at("state", name), "") : rm(at("state", name));
  await writeFile(at("etc/os-release"), osRelease);
  if (daemonJson !== undefined) await writeFile(at("etc/docker/daemon.json"), daemonJson);
  if (record !== undefined) {
    await writeFile(at("home/.local/state/stack/setup-gpu.json"), record);
  }
  for (const [name, text] of Object.entries(etc)) await writeFile(at("etc", name), text);
  await writeFile(at("pci/0000:01:00.0/class"), "0x030000\n");
  await writeFile(at("pci/0000:01:00.0/vendor"), gpu === "nvidia" ? "0x10de\n" : "0x1234\n");
  for (const tool of TOOLS.split(" ")) {
    await copyFile(join(import.meta.dirname, "tools.sh"), at("bin", tool));
    await chmod(at("bin", tool), 0o755);
  }
  const binds = [
    `mount --bind ${at("etc")} /etc`,
    `mount --bind ${at("pci")} ${CARDS}`,
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
          DOCKER_HOST: dockerHost,
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
    breakCdi: (broken) => mark("cdi-fails", broken),
    breakDocker: (broken) => mark("restart-fails", broken),
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
