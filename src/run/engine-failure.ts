import { causeLine, explainFailure } from "../engines/failures.ts";
import { StackError } from "../errors.ts";

/** Lines of the log that an error carries. */
export const TAIL = 50;

/** Lines in which the cause is looked for: Python writes several traces, one below the other, and the first has it. */
export const SEARCHED = 400;

/** How an engine ended, or gave up. */
export interface EngineEnd {
  readonly what: string;
  /** The last of its log. */
  readonly lines: readonly string[];
  /** The kernel killed a process of it. */
  readonly outOfMemory: boolean;
}

/** The error that says why: what the kernel did goes before what the log says. */
export function engineFailure({ what, lines, outOfMemory }: EngineEnd): StackError {
  if (outOfMemory) {
    return new StackError("ENGINE_STOPPED", {
      what,
      why: "The kernel killed it: it needed more memory than it may have.",
      next: "stack up --memory <more>, or a smaller model or context",
      detail: lines.slice(-TAIL),
    });
  }
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
