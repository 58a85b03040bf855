import schema from "../../docs/stack.schema.json" with { type: "json" };
import { flagName } from "../plan/flag-name.ts";
import type { SettingKey } from "../plan/settings.ts";
import type { FlagSpec } from "./command.ts";

/** The part of the published JSON Schema that flags are made of. */
interface Property {
  /** Absent where there is a choice of types. */
  readonly type?: string;
  readonly anyOf?: readonly { readonly type?: string; readonly const?: unknown }[];
  readonly description?: string;
  readonly enum?: readonly string[];
  readonly default?: unknown;
}

// The zod schema is the source, but importing zod would cost `--help` 50 ms; this file is made from it by `pnpm run docs`.
const PROPERTIES: Readonly<Record<string, Property>> = schema.properties;

/** Every setting that has a flag. `engineArgs` has `--` instead. */
export const ALL_SETTINGS = Object.keys(PROPERTIES).filter(
  (key) => key !== "engineArgs",
) as readonly SettingKey[];

/** The flags of these settings, in the order given, each with the key that it sets. */
export function settingFlags(
  keys: readonly SettingKey[],
): ReadonlyMap<string, { readonly key: SettingKey; readonly spec: FlagSpec }> {
  return new Map(keys.map((key) => [flagName(key), { key, spec: settingFlag(key) }]));
}

/** Values are checked with those of all other places, in `resolveSettings`. */
function settingFlag(key: SettingKey): FlagSpec {
  const property = PROPERTIES[key];
  if (property === undefined) {
    throw new Error(`docs/stack.schema.json does not know ${key}: run \`pnpm docs\``);
  }
  const summary = `${property.description ?? ""}${defaultText(property.default)}`;
  switch (property.type) {
    case "boolean":
      return { kind: "boolean", summary };
    case "array":
      return { kind: "list", placeholder: "a,b", summary };
    case "integer":
      return { kind: "text", placeholder: "n", summary };
    default:
      return {
        kind: "text",
        placeholder: property.enum?.join("|") ?? choicesText(property) ?? "text",
        summary,
        ...(key === "model" ? { complete: "models" as const } : {}),
        ...(key === "name" ? { complete: "stacks" as const } : {}),
        ...(key === "engine" ? { complete: "engines" as const } : {}),
      };
  }
}

/** `n|auto` of a number or a word. */
function choicesText({ anyOf }: Property): string | undefined {
  return anyOf?.map(({ type, const: word }) => (type === "integer" ? "n" : String(word))).join("|");
}

function defaultText(value: unknown): string {
  const hidden =
    value === undefined || value === false || (Array.isArray(value) && value.length === 0);
  return hidden ? "" : ` Default: ${typeof value === "string" ? value : JSON.stringify(value)}.`;
}

/** What a setting may be, where that is a list of words. */
export function settingChoices(key: SettingKey): readonly string[] {
  return PROPERTIES[key]?.enum ?? [];
}
