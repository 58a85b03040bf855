import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { execPath } from "node:process";
import { fileURLToPath } from "node:url";

const STACK = fileURLToPath(new URL("../../scripts/stack.ts", import.meta.url));

export interface CliResult {
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningCli {
  readonly child: ChildProcess;
  readonly done: Promise<CliResult>;
  /** Resolves when stdout and stderr together match. */
  seen(pattern: RegExp): Promise<void>;
}

/** The real executable in a home of its own, without a container daemon. */
export interface StackCommand extends AsyncDisposable {
  readonly home: string;
  /** Folder in which commands run: a git checkout below home. */
  readonly project: string;
  /** Writes a file below home, and the folders above it. */
  file(path: string, text: string): Promise<string>;
  start(args: readonly string[], env?: Readonly<Record<string, string>>): RunningCli;
  run(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<CliResult>;
}

export async function stackCommand(): Promise<StackCommand> {
  const home = await mkdtemp(join(tmpdir(), "stack-cli-"));
  const project = join(home, "project");
  await mkdir(join(project, ".git"), { recursive: true });
  const base = {
    PATH: process.env["PATH"] ?? "",
    HOME: home,
    DOCKER_HOST: `unix://${join(home, "no-daemon.sock")}`,
  };
  const start: StackCommand["start"] = (args, env = {}) => {
    const child = spawn(execPath, [STACK, ...args], {
      cwd: project,
      env: { ...base, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    return watch(child);
  };
  return {
    home,
    project,
    file: async (path, text) => {
      const full = join(home, path);
      await mkdir(dirname(full), { recursive: true });
      await writeFile(full, text);
      return full;
    },
    start,
    run: (args, env) => start(args, env).done,
    [Symbol.asyncDispose]: () => rm(home, { recursive: true, force: true }),
  };
}

function watch(child: ChildProcess): RunningCli {
  let stdout = "";
  let stderr = "";
  const onData = new Set<() => void>();
  const tell = (): void => onData.forEach((listener) => listener());
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    tell();
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    tell();
  });
  const done = new Promise<CliResult>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exit) => resolve({ exit, stdout, stderr }));
  });
  return {
    child,
    done,
    seen: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!pattern.test(`${stdout}${stderr}`)) return;
          onData.delete(look);
          resolve();
        };
        onData.add(look);
        void done.then(() => reject(new Error(`ended without ${pattern}: ${stdout}${stderr}`)));
        look();
      }),
  };
}
