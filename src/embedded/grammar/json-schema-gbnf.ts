import type { JsonSchema } from "../openai/chat-request.ts";

/** Collects GBNF rules (llama.cpp's grammars/README.md). */
export interface GbnfRules {
  /** Adds a rule and returns its name; the same body is kept once. */
  add(body: string): string;
  /** Rule for values of `schema`. */
  schema(schema: JsonSchema): string;
  /** The whole grammar, with `root` as given. */
  build(root: string): string;
}

/** Larger repetition counts make llama.cpp expand the grammar beyond reason; they are left unbounded instead. */
const MAX_REPETITION = 256;

const BASE_RULES = {
  // At most one break and one indent: small models otherwise write white space for ever.
  ws: '(" " | "\\n" [ \\t]{0,16})?',
  char: '[^"\\\\\\x7F\\x00-\\x1F] | "\\\\" (["\\\\/bfnrt] | "u" [0-9a-fA-F]{4})',
  string: '"\\"" char* "\\""',
  integer: '"-"? ("0" | [1-9] [0-9]{0,15})',
  number: 'integer ("." [0-9]{1,16})? ([eE] [-+]? [0-9]{1,3})?',
  boolean: '"true" | "false"',
  null: '"null"',
  member: 'string ws ":" ws value',
  object: '"{" ws (member (ws "," ws member)*)? ws "}"',
  array: '"[" ws (value (ws "," ws value)*)? ws "]"',
  value: "object | array | string | number | boolean | null",
} as const;

/**
 * GBNF rules for JSON Schema as tools and `response_format` use it: types, properties, required, enum, const, anyOf,
 * oneOf, allOf, $ref inside the schema, items, prefixItems and length bounds. A keyword that a grammar cannot
 * express (pattern, ranges of numbers) is not enforced; the text is still JSON of the right shape.
 * Properties come in the order of the schema.
 */
export function gbnfRules(): GbnfRules {
  const names = new Map<string, string>();
  const bodies = new Map<string, string>(Object.entries(BASE_RULES));
  const add = (body: string): string => {
    const known = names.get(body);
    if (known !== undefined) return known;
    const name = `r${names.size}`;
    names.set(body, name);
    bodies.set(name, body);
    return name;
  };
  const schemaRule = (schema: JsonSchema): string => {
    const references = new Map<string, string>();
    const resolve = (reference: string): string => {
      const known = references.get(reference);
      if (known !== undefined) return known;
      // The name is reserved first: a schema may refer to itself.
      const name = `ref${references.size}x${bodies.size}`;
      references.set(reference, name);
      bodies.set(name, "value");
      const target = lookUp(schema, reference);
      bodies.set(name, target === undefined ? "value" : visit(target));
      return name;
    };
    const visit = (node: JsonSchema): string => schemaBody(node, { add, visit, resolve });
    return add(visit(schema));
  };
  return {
    add,
    schema: schemaRule,
    build: (root) =>
      [`root ::= ${root}`, ...[...bodies].map(([name, body]) => `${name} ::= ${body}`)].join("\n"),
  };
}

interface Visitor {
  readonly add: (body: string) => string;
  readonly visit: (schema: JsonSchema) => string;
  readonly resolve: (reference: string) => string;
}

function schemaBody(schema: JsonSchema, visitor: Visitor): string {
  if (typeof schema === "boolean") return "value";
  if (typeof schema["$ref"] === "string") return visitor.resolve(schema["$ref"]);
  if ("const" in schema) return literal(JSON.stringify(schema["const"]));
  if (Array.isArray(schema["enum"]) && schema["enum"].length > 0) {
    return schema["enum"].map((value) => literal(JSON.stringify(value))).join(" | ");
  }
  const options = schemas(schema["anyOf"] ?? schema["oneOf"]);
  if (options.length > 0) {
    return options.map((option) => visitor.add(visitor.visit(option))).join(" | ");
  }
  const parts = schemas(schema["allOf"]);
  if (parts.length > 0) return visitor.visit(mergeAll(schema, parts));
  const { type } = schema;
  if (Array.isArray(type)) {
    return type.map((one) => visitor.add(visitor.visit({ ...schema, type: one }))).join(" | ");
  }
  if (type === "object" || (type === undefined && isRecord(schema["properties"]))) {
    return objectBody(schema, visitor);
  }
  if (type === "array") return arrayBody(schema, visitor);
  if (type === "string") return stringBody(schema);
  const simple = ["integer", "number", "boolean", "null"].find((name) => name === type);
  return simple ?? "value";
}

function objectBody(schema: Record<string, unknown>, visitor: Visitor): string {
  const properties = isRecord(schema["properties"]) ? schema["properties"] : {};
  const required = new Set(strings(schema["required"]));
  const names = [...new Set([...Object.keys(properties), ...required])];
  if (names.length === 0) {
    const values = schema["additionalProperties"];
    if (!isRecord(values))
      return schema["additionalProperties"] === false ? '"{" ws "}"' : "object";
    const member = visitor.add(`string ws ":" ws ${visitor.add(visitor.visit(values))}`);
    return `"{" ws (${member} (ws "," ws ${member})*)? ws "}"`;
  }
  // Built from the last property backwards: `more` follows a written property, `start` begins the object.
  let more = '""';
  let start = '""';
  for (const name of names.toReversed()) {
    const node = properties[name];
    const value = visitor.add(visitor.visit(isSchema(node) ? node : true));
    const member = visitor.add(`${literal(JSON.stringify(name))} ws ":" ws ${value}`);
    const [moreRule, startRule] = [visitor.add(more), visitor.add(start)];
    if (required.has(name)) {
      start = `${member} ${moreRule}`;
      more = `ws "," ws ${member} ${moreRule}`;
    } else {
      start = `${member} ${moreRule} | ${startRule}`;
      more = `(ws "," ws ${member})? ${moreRule}`;
    }
  }
  return `"{" ws ${visitor.add(start)} ws "}"`;
}

function arrayBody(schema: Record<string, unknown>, visitor: Visitor): string {
  const fixed = schemas(schema["prefixItems"]);
  if (fixed.length > 0) {
    const items = fixed.map((item) => visitor.add(visitor.visit(item)));
    return `"[" ws ${items.join(' ws "," ws ')} ws "]"`;
  }
  const items = schema["items"];
  const item = visitor.add(visitor.visit(isSchema(items) ? items : true));
  const least = bound(schema["minItems"]) ?? 0;
  const most = bound(schema["maxItems"]);
  if (most === 0) return '"[" ws "]"';
  const rest = `(ws "," ws ${item}){${Math.max(least - 1, 0)},${most === undefined ? "" : most - 1}}`;
  const list = `${item} ${rest}`;
  return `"[" ws ${least === 0 ? `(${list})?` : list} ws "]"`;
}

function stringBody(schema: Record<string, unknown>): string {
  const least = bound(schema["minLength"]) ?? 0;
  const most = bound(schema["maxLength"]);
  if (least === 0 && most === undefined) return "string";
  return `"\\"" char{${least},${most ?? ""}} "\\""`;
}

/** A literal of GBNF that matches exactly this text. */
export function literal(text: string): string {
  const escaped = text
    .replaceAll("\\", "\\\\")
    .replaceAll('"', '\\"')
    .replaceAll("\n", "\\n")
    .replaceAll("\r", "\\r")
    .replaceAll("\t", "\\t");
  return `"${escaped}"`;
}

function bound(value: unknown): number | undefined {
  return typeof value === "number" &&
    Number.isInteger(value) &&
    value >= 0 &&
    value <= MAX_REPETITION
    ? value
    : undefined;
}

function mergeAll(
  schema: Record<string, unknown>,
  parts: readonly JsonSchema[],
): Record<string, unknown> {
  const all = [schema, ...parts].filter((part) => isRecord(part));
  const { allOf: _, ...merged } = Object.assign({}, ...all.toReversed());
  const properties = Object.assign({}, ...all.map((part) => part["properties"] ?? {}));
  return {
    ...merged,
    ...(Object.keys(properties).length === 0 ? {} : { properties }),
    required: all.flatMap((part) => strings(part["required"])),
  };
}

function lookUp(root: JsonSchema, reference: string): JsonSchema | undefined {
  if (!reference.startsWith("#")) return undefined;
  let node: unknown = root;
  for (const segment of reference
    .slice(1)
    .split("/")
    .filter((part) => part !== "")) {
    const key = decodeURIComponent(segment).replaceAll("~1", "/").replaceAll("~0", "~");
    if (!isRecord(node)) return undefined;
    node = node[key];
  }
  return isSchema(node) ? node : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
function isSchema(value: unknown): value is JsonSchema {
  return typeof value === "boolean" || isRecord(value);
}
function schemas(value: unknown): readonly JsonSchema[] {
  return Array.isArray(value) ? value.filter(isSchema) : [];
}
function strings(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}
