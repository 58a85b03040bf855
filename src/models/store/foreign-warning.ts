import type { StackEvent } from "../../events.ts";
import { shellQuote } from "../../plan/shell-quote.ts";
import type { ForeignRecord } from "./records.ts";

/** What follows from records that this version can't read, and what may be done about them. */
export function foreignWarning(what: string, foreign: readonly ForeignRecord[]): StackEvent {
  const paths = foreign.map(({ path }) => path).join(", ");
  const words = foreign.map(({ path }) => shellQuote(path)).join(" ");
  return {
    type: "warning",
    message: `${what}, as this version can't read what is needed by ${paths}.`,
    next: `use the version of stack that wrote it, or where it is damaged: rm ${words}`,
  };
}
