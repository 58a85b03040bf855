import { StackError } from "../errors.ts";
import type { ErrorReport } from "../events.ts";

/** Any thrown value as what is shown. Once `signal` is aborted, what fails is a consequence: its reason is what happened. */
export function reportError(
  error: unknown,
  signal: AbortSignal,
  localise: (text: string) => string,
): ErrorReport {
  const reason: unknown = signal.aborted ? signal.reason : error;
  const known = reason instanceof StackError ? reason : unexpected(reason);
  const consequence =
    error !== reason && error instanceof StackError
      ? [`While it was undone: ${error.message}`]
      : [];
  const detail = [...known.detail, ...consequence];
  return {
    code: known.code,
    exitCode: known.exitCode,
    what: localise(known.what),
    ...(known.why === undefined ? {} : { why: localise(known.why) }),
    ...(detail.length === 0 ? {} : { detail }),
    ...(known.next === undefined ? {} : { next: localise(known.next) }),
  };
}

/** The stack trace with those of its causes. */
export function traceOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const cause = traceOf(error.cause);
  return cause === undefined ? error.stack : `${error.stack ?? error.message}\ncaused by ${cause}`;
}

function unexpected(error: unknown): StackError {
  const message = error instanceof Error ? error.message : String(error);
  return new StackError("UNEXPECTED", {
    what: `Something went wrong that has no name yet: ${message.trim() || "no message"}`,
    next: "run it again with -v, and report what it prints",
    cause: error,
  });
}
