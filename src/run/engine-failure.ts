import { causeLine, explainFailure } from "../engines/failures.ts";
import { type KnownCause, SHOWN_LINES } from "../gate/run-gate.ts";
import { StackError } from "../errors.ts";

/** Lines in which the cause is looked for: Python writes several traces, one below the other, and the first has it. */
export const SEARCHED = 400;

/** How an engine ended, or gave up. */
export interface EngineEnd {
  readonly what: string;
  /** The last of its log. */
  readonly lines: readonly string[];
  /** The kernel killed a process of it. */
  readonly outOfMemory: boolean;
  /** It ended by SIGKILL. */
  readonly killed?: boolean;
}

const OUT_OF_MEMORY = {
  code: "ENGINE_STOPPED",
  why: "The kernel killed it: it needed more memory than it may have.",
  next: "stack up --memory <more>",
} as const;

/** A whole machine without memory looks the same: only a container's own limit is told. */
const KILLED =
  "It was killed from outside, or by the kernel when the whole machine had no memory left.";

/** Why, where that is known: what the kernel did goes before what the log says. */
export function knownCause({
  lines,
  outOfMemory,
}: Pick<EngineEnd, "lines" | "outOfMemory">): KnownCause | undefined {
  return outOfMemory ? OUT_OF_MEMORY : explainFailure(lines);
}

/** The error that says why, as far as that can be told. */
export function engineFailure({ what, lines, outOfMemory, killed }: EngineEnd): StackError {
  if (outOfMemory) {
    const { code, ...told } = OUT_OF_MEMORY;
    return new StackError(code, { what, ...told, detail: lines.slice(-SHOWN_LINES) });
  }
  const known = explainFailure(lines);
  if (known === undefined && killed === true) {
    const detail = lines.slice(-SHOWN_LINES);
    return new StackError("ENGINE_STOPPED", { what, why: KILLED, next: "stack up", detail });
  }
  const cause = known ?? causeLine(lines);
  return new StackError(known?.code ?? "ENGINE_STOPPED", {
    what,
    why: known?.why ?? cause?.line,
    next: known?.next ?? "stack doctor",
    // What comes after the cause only follows from it.
    detail: (cause === undefined ? lines : lines.slice(0, cause.at + 1)).slice(-SHOWN_LINES),
  });
}
