import type { MainInput } from "../host/run-main.ts";
import type { Look } from "./command.ts";
import type { GLOBAL_FLAGS } from "./global-flags.ts";
import { detectInvocation, type Invocation, localise } from "./invocation.ts";
import { jsonOutput } from "./output/json.ts";
import type { Output } from "./output/output.ts";
import { createStyle, wantsColor } from "./output/style.ts";
import { textOutput } from "./output/text.ts";

/** The flags of every command, as far as they were given. */
export type Globals = Readonly<Partial<Record<keyof typeof GLOBAL_FLAGS, boolean>>>;

/** One run of the program: how it was called and where it may write. */
export interface Session {
  readonly input: MainInput;
  readonly invocation: Invocation;
  readonly localise: (text: string) => string;
  look(globals: Globals, stream: "out" | "err"): Look;
  /** `streams`: whether `--json` means NDJSON here. */
  output(globals: Globals, streams: boolean): Output;
}

export function createSession(input: MainInput): Session {
  const { terminal, env } = input;
  const invocation = detectInvocation(env, input.cwd, input.script);
  const look = (globals: Globals, stream: "out" | "err"): Look => ({
    style: createStyle(wantsColor(globals.color, env, terminal[stream].isTty)),
    stack: invocation.stack,
    quietStack: invocation.quiet,
    columns: terminal[stream].columns(),
  });
  const local = (text: string): string => localise(text, invocation.stack);
  return {
    input,
    invocation,
    localise: local,
    look,
    output: (globals, streams) => {
      const quiet = globals.quiet === true;
      const verbose = globals.verbose === true;
      if (globals.json === true) return jsonOutput({ terminal, streams, quiet, verbose });
      return textOutput({
        terminal,
        style: look(globals, "err").style,
        quiet,
        verbose,
        now: () => performance.now(),
        localise: local,
      });
    },
  };
}
