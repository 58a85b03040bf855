import { execFileSync, spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Why a program cannot be sealed in here, or undefined when it can. */
export function whyNotSealed(): string | undefined {
  if (process.platform !== "linux") return "network namespaces are Linux's";
  try {
    execFileSync("unshare", ["-n", "ip", "link", "set", "lo", "up"], { stdio: "ignore" });
    return undefined;
  } catch {
    return "needs root, unshare and ip";
  }
}

export interface SealedResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  /** `address port` of every connection or datagram that was tried; undefined without strace. */
  readonly tried: readonly string[] | undefined;
}

/**
 * Runs a program on a network that has nothing but one endpoint of this machine, at the same address,
 * and notes every address that it tries.
 */
export async function runSealed(options: {
  readonly apiBase: string;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly timeoutMs: number;
}): Promise<SealedResult> {
  const folder = await mkdtemp(join(tmpdir(), "sealed-"));
  const { port } = new URL(options.apiBase);
  // A socket in the file system is the one thing that leads out of a network namespace.
  const socket = join(folder, "engine.sock");
  const relay = createServer((inside) => {
    const engine = connect(Number(port), "127.0.0.1");
    inside.pipe(engine).pipe(inside);
    inside.on("error", () => engine.destroy());
    engine.on("error", () => inside.destroy());
  });
  await new Promise<void>((resolve) => {
    relay.listen(socket, resolve);
  });
  const trace = join(folder, "trace");
  const strace = straceCommand(trace);
  const job = {
    port: Number(port),
    socket,
    command: [...strace, ...options.command],
    env: options.env,
    cwd: options.cwd,
  };
  try {
    const inside = fileURLToPath(new URL("./sealed-inside.ts", import.meta.url));
    const result = await collect(
      ["-n", process.execPath, inside, JSON.stringify(job)],
      options.timeoutMs,
    );
    return {
      ...result,
      tried:
        strace.length === 0 ? undefined : triedAddresses(await readTrace(trace, result.stderr)),
    };
  } finally {
    relay.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function collect(args: readonly string[], timeoutMs: number): Promise<Omit<SealedResult, "tried">> {
  return new Promise((resolve, reject) => {
    // A group of its own, so that a timeout takes everything that was started along.
    const child = spawn("unshare", args, { detached: true, stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (data: Buffer) => (stdout += data.toString()));
    child.stderr.on("data", (data: Buffer) => (stderr += data.toString()));
    const timer = setTimeout(() => {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      stderr += `\nkilled after ${timeoutMs} ms`;
    }, timeoutMs);
    child.on("error", reject);
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ exitCode: code ?? 124, stdout, stderr });
    });
  });
}

function straceCommand(file: string): readonly string[] {
  try {
    execFileSync("strace", ["-V"], { stdio: "ignore" });
  } catch {
    return [];
  }
  return ["strace", "-f", "-qq", "-o", file, "-e", "trace=connect,sendto,sendmsg,sendmmsg"];
}

async function readTrace(file: string, stderr: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new Error(`The program did not start: ${stderr}`, { cause: error });
  }
}

/** Internet addresses in strace's lines; sockets of the machine itself have none. */
function triedAddresses(trace: string): readonly string[] {
  const address =
    /sin6?_port=htons\((\d+)\).*?(?:inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)")/g;
  return [...trace.matchAll(address)].map((match) => `${match[2] ?? match[3]} ${match[1]}`);
}
