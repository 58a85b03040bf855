import type { Emit, ErrorReport } from "../../events.ts";

/** Where a command's events and result go. Two implementations: text for people, JSON for programs. */
export interface Output {
  readonly emit: Emit;
  /** Part of the result, ahead of its end. */
  data(item: Readonly<Record<string, unknown>>, text: string): void;
  result(outcome: Outcome): void;
  /** `stack` is the stack trace; shown with `-v` only. */
  error(report: ErrorReport, stack: string | undefined): void;
}

interface Outcome {
  readonly value: unknown;
  /** For people: ends up on stdout. */
  readonly text: string;
  /** For people: what they could do next. */
  readonly hints: readonly string[];
}
