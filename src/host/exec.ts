import { execa } from "execa";
import type { ExecOptions, ExecResult } from "./host.ts";

/** Runs a program to its end; what went wrong is in `exitCode` and `stderr`, as a shell would say it. */
export async function run(
  file: string,
  args: readonly string[],
  options: ExecOptions = {},
): Promise<ExecResult> {
  const result = await execa(file, [...args], {
    reject: false,
    extendEnv: false,
    stripFinalNewline: false,
    stdin: options.input === undefined ? (options.inherit === true ? "inherit" : "ignore") : "pipe",
    stdout: options.inherit === true ? "inherit" : "pipe",
    stderr: options.inherit === true ? "inherit" : "pipe",
    ...(options.input === undefined ? {} : { input: options.input }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env }),
    ...(options.timeoutMs === undefined ? {} : { timeout: options.timeoutMs }),
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
  });
  if (options.signal?.aborted === true) throw options.signal.reason;
  return {
    exitCode: exitStatus(result),
    stdout: result.stdout ?? "",
    stderr: (result.stderr ?? "") || (result.failed ? (result.shortMessage ?? "") : ""),
  };
}

function exitStatus(result: {
  readonly exitCode?: number | undefined;
  readonly timedOut: boolean;
  readonly code?: string | undefined;
}): number {
  if (result.timedOut) return 124;
  if (result.code === "ENOENT") return 127;
  return result.exitCode ?? 1;
}
