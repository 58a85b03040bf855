import { causeLine, explainFailure } from "../engines/failures.ts";
import { StackError } from "../errors.ts";

/** Lines of the log that an error carries. */
export const TAIL = 50;

/** Lines in which the cause is looked for: Python writes several traces, one below the other, and the first has it. */
export const SEARCHED = 400;

/** The error for an engine that ended or gave up, by what its log says: `lines` are its last. */
export function engineFailure(what: string, lines: readonly string[]): StackError {
  const known = explainFailure(lines);
  const cause = known ?? causeLine(lines);
  return new StackError(known?.code ?? "ENGINE_STOPPED", {
    what,
    why: known?.why ?? cause?.line,
    next: known?.next ?? "stack doctor",
    // What comes after the cause only follows from it.
    detail: (cause === undefined ? lines : lines.slice(0, cause.at + 1)).slice(-TAIL),
  });
}
