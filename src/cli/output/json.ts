import type { OutputStream, Terminal } from "../../host/terminal.ts";
import type { StackEvent } from "../../events.ts";
import type { Output } from "./output.ts";

export interface JsonOptions {
  readonly terminal: Terminal;
  /** NDJSON: every event is a line, the result is the last. Else stdout is one object. */
  readonly streams: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
}

/**
 * For programs. Short commands print the result as one object; long ones a line per event, then
 * `{"type":"result",…}`. An error is `{"type":"error",…}` for both, and the exit status is its own.
 */
export function jsonOutput({ terminal, streams, quiet, verbose }: JsonOptions): Output {
  const { out, err } = terminal;
  return {
    emit: (event) => {
      if (event.type === "debug" && !verbose) return;
      if (streams) line(out, event);
      else if (!quiet) sideNote(err, event);
    },
    data: (item) => line(out, item),
    result: ({ value }) => {
      if (streams) line(out, { type: "result", ...(value as object) });
      else out.write(`${JSON.stringify(value, undefined, 2)}\n`);
    },
    error: (report, stack) => {
      line(out, { type: "error", ...report, ...(verbose && stack !== undefined ? { stack } : {}) });
    },
  };
}

/** stdout holds one object then: what a person should still know goes beside it. */
function sideNote(err: OutputStream, event: StackEvent): void {
  if (event.type === "warning" || event.type === "debug")
    err.write(`${event.type}: ${event.message}\n`);
}

function line(stream: OutputStream, value: unknown): void {
  stream.write(`${JSON.stringify(value)}\n`);
}
