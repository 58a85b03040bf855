import { StackError } from "../errors.ts";

/** A wrong way of calling. `next` is the command that shows the right one, `hint` a word about what was meant. */
export function usage(what: string, next: string, hint?: string): StackError {
  return new StackError("USAGE", { what: hint === undefined ? what : `${what} ${hint}`, next });
}
