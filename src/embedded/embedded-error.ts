import type { EmbeddedFailure } from "./config.ts";

/** Why the process cannot serve; its code is the exit status and goes into the last line of the log. */
export class EmbeddedError extends Error {
  override readonly name = "EmbeddedError";
  readonly code: EmbeddedFailure;

  constructor(code: EmbeddedFailure, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}
