import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const SCRIPT = fileURLToPath(new URL("../../scripts/stack.ts", import.meta.url));

/** The newest Ollama that package registries have is below its security floor. */
const OLD_OLLAMA = { STACK_ALLOW_VULNERABLE: "true" };

export interface CliResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  /** From the start of the process to its end. */
  readonly ms: number;
}

export interface StackCommand extends AsyncDisposable {
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;
  run(...args: readonly string[]): Promise<CliResult>;
  /** Starts it and does not wait. */
  start(...args: readonly string[]): ChildProcess & { readonly result: Promise<CliResult> };
}

/** The real command in child processes, in a home of its own. Removes the home in the end; stopping stacks is up to the test. */
export async function stackCommand(
  env: Readonly<Record<string, string>> = {},
): Promise<StackCommand> {
  const home = await mkdtemp(join(tmpdir(), "stack-cli-"));
  const kept = ["PATH", "DOCKER_HOST", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "PIP_INDEX_URL"];
  const own: Record<string, string> = { HOME: home, ...OLD_OLLAMA, ...env };
  for (const name of kept) {
    const value = process.env[name];
    if (value !== undefined && own[name] === undefined) own[name] = value;
  }
  const start: StackCommand["start"] = (...args) => {
    const begun = performance.now();
    const child = spawn(process.execPath, [SCRIPT, ...args], {
      cwd: home,
      env: own,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const output = { stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output.stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (output.stderr += text));
    const result = once(child, "close").then(([code]) => ({
      exitCode: typeof code === "number" ? code : -1,
      ...output,
      ms: performance.now() - begun,
    }));
    return Object.assign(child, { result });
  };
  return {
    home,
    env: own,
    start,
    run: (...args) => start(...args).result,
    [Symbol.asyncDispose]: () => rm(home, { recursive: true, force: true }),
  };
}

/** The one object that was printed, or of NDJSON the last line: the result, or the error. */
export function lastJson(result: CliResult): Record<string, unknown> {
  const text = result.stdout.trimEnd();
  for (const candidate of [text, text.slice(text.lastIndexOf("\n") + 1)]) {
    try {
      return JSON.parse(candidate) as Record<string, unknown>;
    } catch {
      // NDJSON as a whole is not JSON.
    }
  }
  throw new Error(`not JSON: ${text}\nstderr: ${result.stderr}`);
}
