import { unreachable } from "../errors.ts";
import { nearest } from "../models/nearest.ts";
import type { FlagSpec, FlagValue } from "./command.ts";
import { usage } from "./usage.ts";

/** A flag as node:util's parseArgs found it. */
interface FlagToken {
  readonly name: string;
  /** As written: `-n`, `--tail`, `--no-color`. */
  readonly rawName: string;
  readonly value?: string | undefined;
  /** Written as `--flag=value`. */
  readonly inlineValue?: boolean | undefined;
}

/** The value that a flag has now; `before` is what an earlier one of the same name gave. A bad value is `USAGE`, and `help` what comes next. */
export function flagValue(
  spec: FlagSpec,
  token: FlagToken,
  before: FlagValue | undefined,
  help: string,
): FlagValue {
  const flag = token.rawName;
  const negated = flag === `--no-${token.name}`;
  if (spec.kind === "boolean") {
    if (token.value === undefined) return !negated;
    throw usage(`${flag} takes no value, but was given \`${token.value}\`.`, help);
  }
  const { value } = token;
  if (negated || value === undefined) {
    throw usage(`--${token.name} needs a value: --${token.name} <${spec.placeholder}>.`, help);
  }
  if (value.startsWith("-") && value.length > 1 && token.inlineValue !== true) {
    const hint = `If the value is \`${value}\`, write ${flag}=${value}.`;
    throw usage(`${flag} needs a value, and \`${value}\` looks like a flag.`, help, hint);
  }
  switch (spec.kind) {
    case "text":
      return choice(flag, spec.choices, value, help);
    case "integer":
      if (/^\d{1,15}$/.test(value) && Number(value) >= spec.minimum) return Number(value);
      throw usage(`${flag} takes a whole number from ${spec.minimum} up, not \`${value}\`.`, help);
    case "list":
      return [...(Array.isArray(before) ? before : []), ...listItems(value)];
    default:
      return unreachable(spec);
  }
}

/** `value`, when it is one of `choices`. */
export function choice(
  what: string,
  choices: readonly string[] | undefined,
  value: string,
  help: string,
): string {
  if (choices === undefined || choices.includes(value)) return value;
  const near = nearest(value, choices);
  throw usage(
    `${what} is one of ${choices.join(", ")}, not \`${value}\`.`,
    help,
    near === undefined ? undefined : `Did you mean \`${near}\`?`,
  );
}

function listItems(text: string): readonly string[] {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}
