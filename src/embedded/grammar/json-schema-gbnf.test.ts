import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { JsonSchema } from "../openai/chat-request.ts";
import { gbnfRules, literal } from "./json-schema-gbnf.ts";

/** Rules by name, with references to other rules' bodies put in until none is left (bounded: rules may refer to themselves). */
function grammar(schema: JsonSchema): Map<string, string> {
  const rules = gbnfRules();
  const text = rules.build(rules.schema(schema));
  return new Map(
    text.split("\n").map((line) => {
      const at = line.indexOf(" ::= ");
      return [line.slice(0, at), line.slice(at + 5)];
    }),
  );
}

/** Names that a body refers to. */
function references(body: string): readonly string[] {
  const bare = body.replaceAll(/"(\\.|[^"\\])*"/g, " ").replaceAll(/\[(\\.|[^\]\\])*\]/g, " ");
  return bare.match(/[a-z][a-zA-Z0-9]*/g) ?? [];
}

function expanded(schema: JsonSchema): string {
  const rules = grammar(schema);
  const base = new Set(["ws", "char", "string", "integer", "number", "boolean", "null"]);
  for (const name of ["member", "object", "array", "value"]) base.add(name);
  const expand = (name: string, depth: number): string => {
    const body = rules.get(name) ?? "?";
    if (base.has(name) || depth > 20) return name;
    return body.replaceAll(/\br\d+\b|\bref\w+\b/g, (inner) => expand(inner, depth + 1));
  };
  return expand(rules.get("root") ?? "?", 0);
}

const schemaArbitrary: fc.Arbitrary<JsonSchema> = fc.letrec<{ schema: JsonSchema }>((tie) => ({
  schema: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom<JsonSchema>(
      true,
      {},
      { type: "string" },
      { type: "integer" },
      { type: "null" },
      { enum: ["a", 1, null] },
      { $ref: "#" },
      { $ref: "#/nowhere" },
    ),
    fc.record({
      type: fc.constant("object"),
      properties: fc.dictionary(fc.string(), tie("schema"), { maxKeys: 3 }),
      required: fc.array(fc.string(), { maxLength: 2 }),
    }),
    fc.record({
      type: fc.constant("array"),
      items: tie("schema"),
      minItems: fc.nat(3),
    }),
    fc.record({ anyOf: fc.array(tie("schema"), { minLength: 1, maxLength: 3 }) }),
    fc.record({ allOf: fc.array(tie("schema"), { minLength: 1, maxLength: 2 }) }),
  ),
})).schema;

describe("gbnfRules", () => {
  it.each<readonly [string, JsonSchema, string]>([
    ["anything", true, "value"],
    ["a type", { type: "integer" }, "integer"],
    ["types", { type: ["string", "null"] }, "string | null"],
    ["an enum", { enum: ["a", 2] }, String.raw`"\"a\"" | "2"`],
    ["a constant", { const: 'say "x"' }, String.raw`"\"say \\\"x\\\"\""`],
    ["a bounded string", { type: "string", maxLength: 5 }, String.raw`"\"" char{0,5} "\""`],
    ["an object of no shape", { type: "object" }, "object"],
    ["an empty object", { type: "object", additionalProperties: false }, '"{" ws "}"'],
    ["anyOf", { anyOf: [{ type: "null" }, { type: "boolean" }] }, "null | boolean"],
    [
      "a list with bounds",
      { type: "array", items: { type: "null" }, minItems: 2, maxItems: 3 },
      '"[" ws null (ws "," ws null){1,2} ws "]"',
    ],
    [
      "one required property",
      { type: "object", properties: { a: { type: "null" } }, required: ["a"] },
      String.raw`"{" ws "\"a\"" ws ":" ws null "" ws "}"`,
    ],
  ])("writes %s", (_title, schema, expected) => {
    expect(expanded(schema)).toBe(expected);
  });

  it("lets optional properties be left out in any combination, with commas only between", () => {
    const schema = {
      type: "object",
      properties: { a: { type: "null" }, b: { type: "null" } },
      required: ["b"],
    };
    const member = (name: string): string => String.raw`"\"${name}\"" ws ":" ws null`;
    expect(expanded(schema)).toBe(
      `"{" ws ${member("a")} ws "," ws ${member("b")} "" | ${member("b")} "" ws "}"`,
    );
  });

  it("puts allOf together", () => {
    const schema = {
      allOf: [
        { type: "object", properties: { a: { type: "null" } }, required: ["a"] },
        { properties: { b: { type: "null" } }, required: ["b"] },
      ],
    };
    expect(expanded(schema)).toContain(String.raw`"\"b\""`);
  });

  it("follows references, also of a schema to itself", () => {
    const schema = {
      $defs: { node: { type: "object", properties: { next: { $ref: "#/$defs/node" } } } },
      $ref: "#/$defs/node",
    };
    const bodies = [...grammar(schema).values()].join("\n");
    expect(bodies).toContain("ref0x");
    expect(bodies).toContain(String.raw`"\"next\""`);
  });

  it("never refers to a rule that is not there", () => {
    fc.assert(
      fc.property(schemaArbitrary, (schema) => {
        const rules = grammar(schema);
        const unknown = [...rules.values()].flatMap(references).filter((name) => !rules.has(name));
        expect(unknown).toEqual([]);
      }),
    );
  });
});

describe("literal", () => {
  it("escapes what GBNF reads as its own", () => {
    expect(literal('a"\\\n')).toBe(String.raw`"a\"\\\n"`);
  });
});
