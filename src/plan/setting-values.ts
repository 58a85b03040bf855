import { unreachable } from "../errors.ts";
import { nearest } from "../models/nearest.ts";
import { settingsSchema, type SettingKey } from "./settings.ts";

type Kind =
  | {
      readonly kind: "integer";
      readonly minimum: number;
      readonly maximum: number;
      /** Taken instead of a number. */
      readonly words: readonly string[];
    }
  | { readonly kind: "choice"; readonly choices: readonly string[] }
  | { readonly kind: "boolean" }
  | { readonly kind: "list" }
  | { readonly kind: "text" };

const WRITTEN_BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["1", true],
  ["false", false],
  ["0", false],
]);

/**
 * Reads a value written as text: whole numbers, `true|false|1|0`, lists separated by commas.
 * What can't be read stays as it is, so that `settingProblem` can quote it.
 */
export function settingFromText(key: SettingKey, value: unknown): unknown {
  if (typeof value !== "string") return value;
  const { kind } = settingKind(key);
  switch (kind) {
    case "integer":
      return /^\s*-?\d{1,15}\s*$/.test(value) ? Number(value) : value;
    case "boolean":
      return WRITTEN_BOOLEANS.get(value.trim().toLowerCase()) ?? value;
    case "list":
      return value
        .split(",")
        .map((item) => item.trim())
        .filter((item) => item !== "");
    case "choice":
    case "text":
      return value;
    default:
      return unreachable(kind);
  }
}

/** Undefined when the value is good; else what was expected and what was found. */
export function settingProblem(key: SettingKey, value: unknown): string | undefined {
  const result = settingsSchema.shape[key].safeParse(value);
  // The schema would fill a default in for `undefined`; a key that is there has a value.
  if (result.success && value !== undefined) return undefined;
  const found = value === undefined || value === null ? "nothing" : JSON.stringify(value);
  const kind = settingKind(key);
  switch (kind.kind) {
    case "integer":
      return `expected a whole number ${rangeText(kind)}${kind.words.map((word) => ` or ${word}`).join("")}, found ${found}.`;
    case "boolean":
      return `expected true or false, found ${found}.`;
    case "list":
      return `expected a list of text, found ${found}.`;
    case "choice": {
      const near = typeof value === "string" ? nearest(value, kind.choices) : undefined;
      const hint = near === undefined ? "" : ` Did you mean \`${near}\`?`;
      return `expected one of ${kind.choices.join(", ")}, found ${found}.${hint}`;
    }
    case "text": {
      if (typeof value !== "string") return `expected text, found ${found}.`;
      if (value === "") return "expected text, found nothing.";
      return `${found} is not valid: ${result.error?.issues[0]?.message ?? "not this"}.`;
    }
    default:
      return unreachable(kind);
  }
}

function rangeText(range: { readonly minimum: number; readonly maximum: number }): string {
  return range.maximum === Number.MAX_SAFE_INTEGER
    ? `from ${range.minimum} up`
    : `from ${range.minimum} to ${range.maximum}`;
}

function settingKind(key: SettingKey): Kind {
  const kind = kindOf(settingsSchema.shape[key]);
  if (kind === undefined)
    throw new Error(`setting ${key} has a type that can't be written as text`);
  return kind;
}

function kindOf(of: unknown): Kind | undefined {
  let schema = of;
  for (;;) {
    const def = (
      schema as { readonly def: { readonly type: string; readonly innerType?: unknown } }
    ).def;
    if (def.innerType === undefined) break;
    schema = def.innerType;
  }
  const inner = schema as {
    readonly def: { readonly type: string };
    readonly minValue?: number | null;
    readonly maxValue?: number | null;
    readonly options?: readonly unknown[];
    readonly values?: ReadonlySet<unknown>;
  };
  switch (inner.def.type) {
    case "number":
      return {
        kind: "integer",
        minimum: inner.minValue ?? Number.MIN_SAFE_INTEGER,
        maximum: inner.maxValue ?? Number.MAX_SAFE_INTEGER,
        words: [],
      };
    case "union": {
      // The only union there is: a number, or a word for it.
      const [first, ...others] = (inner.options ?? []).map(kindOf);
      if (first?.kind !== "integer") return undefined;
      return {
        ...first,
        words: others.flatMap((other) => (other?.kind === "choice" ? other.choices : [])),
      };
    }
    case "literal":
      return { kind: "choice", choices: [...(inner.values ?? [])].map(String) };
    case "boolean":
      return { kind: "boolean" };
    case "array":
      return { kind: "list" };
    case "enum":
      return { kind: "choice", choices: (inner.options ?? []).map(String) };
    case "string":
      return { kind: "text" };
    default:
      return undefined;
  }
}
