import type { CallFormat } from "../chat/call-format.ts";
import type { JsonSchema, Tool } from "../openai/chat-request.ts";
import { gbnfRules, literal } from "./json-schema-gbnf.ts";

/** Small models repeat a call until their tokens run out. */
const MOST_CALLS = 8;

export interface CallGrammar {
  readonly format: CallFormat;
  /** The tools that may be called. */
  readonly tools: readonly Tool[];
  /** More than one call in an answer. */
  readonly several: boolean;
}

/** Grammar of an answer that must be JSON of this schema, or else (where tools are offered too) calls. */
export function jsonAnswerGrammar(schema: JsonSchema, calls: CallGrammar | undefined): string {
  const rules = gbnfRules();
  const answer = `ws ${rules.schema(schema)}`;
  return rules.build(
    calls === undefined ? answer : `${answer} | ${callsBody(rules, calls, wholeHead(calls))}`,
  );
}

/** Grammar of an answer that must be at least one call: `tool_choice` required, or naming a function. */
export function forcedCallGrammar(calls: CallGrammar): string {
  const rules = gbnfRules();
  return rules.build(callsBody(rules, calls, wholeHead(calls)));
}

/**
 * Grammar of what follows a trigger that the model wrote of its own accord, so that the call it began is well-formed.
 * `consumed` came after the trigger already. Undefined: it writes another form, which only a lenient reader can take.
 */
export function startedCallGrammar(calls: CallGrammar, consumed: string): string | undefined {
  const { open } = calls.format;
  const rules = gbnfRules();
  if (open.startsWith(consumed)) {
    return rules.build(callsBody(rules, calls, open.slice(consumed.length)));
  }
  return consumed.trim() === ""
    ? rules.build(callsBody(rules, calls, open.trimStart()))
    : undefined;
}

function wholeHead({ format }: CallGrammar): string {
  return format.trigger + format.open;
}

function callsBody(
  rules: ReturnType<typeof gbnfRules>,
  calls: CallGrammar,
  firstHead: string,
): string {
  const { format, tools, several } = calls;
  const alternatives = tools.map(({ function: { name, parameters } }) => {
    const args = rules.schema(argumentsSchema(parameters));
    return rules.add(`${literal(name + format.middle)} ${args} ${literal(format.close)}`);
  });
  const call = rules.add(alternatives.join(" | "));
  const first = firstHead === "" ? call : `${literal(firstHead)} ${call}`;
  if (!several || format.separator === undefined) return first;
  const further = `${literal(format.separator + wholeHead(calls))} ${call}`;
  return `${first} (${further}){0,${MOST_CALLS - 1}}`;
}

/** Arguments are an object even where a tool's schema forgets to say so. */
function argumentsSchema(parameters: JsonSchema): JsonSchema {
  return typeof parameters === "boolean" ? { type: "object" } : { ...parameters, type: "object" };
}
