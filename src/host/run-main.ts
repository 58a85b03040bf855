import { StackError } from "../errors.ts";
import { createTerminal, type Terminal } from "./terminal.ts";

/** What `main` gets from the process. */
export interface MainInput {
  readonly argv: readonly string[];
  /** Path of the script, as Node was given it. */
  readonly script: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly terminal: Terminal;
  /** Aborted with `INTERRUPTED` by SIGINT, SIGTERM, SIGHUP, and when nobody reads stdout any more; with another error by a defect. */
  readonly signal: AbortSignal;
}

/** Signals that ask for an end. SIGHUP: the terminal was closed. */
const ENDINGS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** npx and pnpm pass a Ctrl-C on that the terminal has delivered already; closer than this it is the same one, in milliseconds. */
const SAME_SIGNAL_MS = 250;

/** After a defect, what is being taken back has this long, in milliseconds. */
const CRASH_GRACE_MS = 30_000;

/**
 * Runs `main` as this process and exits with the status it resolves to.
 * The first signal aborts `signal`, so that the work can be taken back; a second one exits at once.
 */
export async function runMain(main: (input: MainInput) => Promise<number>): Promise<never> {
  const abort = new AbortController();
  let first: number | undefined;
  for (const name of ENDINGS) {
    process.on(name, () => {
      const now = performance.now();
      if (first !== undefined && now - first > SAME_SIGNAL_MS) process.exit(130);
      first ??= now;
      abort.abort(new StackError("INTERRUPTED", { what: `Interrupted by ${name}.` }));
    });
  }
  // A defect somewhere in a callback: what was begun is still taken back, and `main` reports it.
  process.on("uncaughtException", (error) => {
    abort.abort(error);
    setTimeout(() => process.exit(1), CRASH_GRACE_MS).unref();
  });
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    // `stack … | head`: what was wanted has been read. Long work is ended as by Ctrl-C.
    abort.abort(new StackError("INTERRUPTED", { what: "Nobody reads the output any more." }));
  });
  process.stderr.on("error", () => {});
  const status = await main({
    argv: process.argv.slice(2),
    script: process.argv[1] ?? "stack",
    env: process.env,
    cwd: workingFolder(),
    terminal: createTerminal(),
    signal: abort.signal,
  });
  // Sockets kept alive must not hold the process; what was written to a pipe must get there first.
  await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
  process.exit(status);
}

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || stream.writableLength === 0) resolve();
    else stream.write("", () => resolve());
  });
}

/** The root when the folder was removed under us: a command that needs it will say so. */
function workingFolder(): string {
  try {
    return process.cwd();
  } catch {
    return "/";
  }
}
