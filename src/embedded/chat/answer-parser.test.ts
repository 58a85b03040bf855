import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AnswerDelta, answerParser, type AnswerParserOptions } from "./answer-parser.ts";
import { HERMES_FORMAT, writeCall } from "./call-format.ts";

const plain: AnswerParserOptions = {
  stop: [],
  calls: undefined,
  thinking: undefined,
  startsThinking: false,
};
const tools: AnswerParserOptions = { ...plain, calls: { format: HERMES_FORMAT, names: ["look"] } };
const think: AnswerParserOptions = {
  ...plain,
  thinking: { open: "<think>", close: "</think>" },
};
const bare: AnswerParserOptions = {
  ...plain,
  calls: {
    format: {
      trigger: '{"name": "',
      open: "",
      middle: '", "parameters": ',
      close: "}",
      separator: undefined,
      atStartOnly: true,
    },
    names: ["look"],
  },
};
const call = (args: string): string => writeCall(HERMES_FORMAT, "look", args);

/** Adjacent texts of one kind joined, so that it does not matter in which pieces they came. */
function merged(deltas: readonly AnswerDelta[]): string[] {
  const result: string[] = [];
  let last = "";
  for (const delta of deltas) {
    const kind =
      delta.kind === "content" || delta.kind === "reasoning"
        ? delta.kind
        : `${delta.kind} ${delta.index}`;
    const text = delta.kind === "call-start" ? delta.name : delta.text;
    if (kind === last) result[result.length - 1] += text;
    else result.push(`${kind}: ${text}`);
    last = kind;
  }
  return result;
}

function parse(options: AnswerParserOptions, pieces: readonly string[], cut = false): string[] {
  const parser = answerParser(options);
  const deltas = pieces.flatMap((piece) => parser.push(piece, false));
  return merged([...deltas, ...parser.end(cut)]);
}

describe("answerParser", () => {
  const cases: readonly (readonly [string, AnswerParserOptions, string, readonly string[]])[] = [
    ["text", plain, "Hello there.", ["content: Hello there."]],
    ["nothing", plain, "", []],
    ["a stop text", { ...plain, stop: ["END"] }, "one END two", ["content: one "]],
    ["the first of two stop texts", { ...plain, stop: ["b", "a"] }, "xab", ["content: x"]],
    ["a beginning that is no stop text", { ...plain, stop: ["END"] }, "EN", ["content: EN"]],
    ["one call", tools, call('{"a": 1}'), ["call-start 0: look", 'call-arguments 0: {"a": 1}']],
    [
      "text before a call",
      tools,
      `I look.\n${call("{}")}`,
      ["content: I look.\n", "call-start 0: look", "call-arguments 0: {}"],
    ],
    [
      "two calls",
      tools,
      `${call('{"a": "}"}')}\n${call("{}")}`,
      [
        "call-start 0: look",
        'call-arguments 0: {"a": "}"}',
        "call-start 1: look",
        "call-arguments 1: {}",
      ],
    ],
    [
      "a call in other order and spacing",
      tools,
      '<tool_call>{"arguments":{"a":1},"name":"look"}</tool_call>',
      ["call-start 0: look", 'call-arguments 0: {"a":1}'],
    ],
    [
      "a call without its end",
      tools,
      '<tool_call>{"name":"look","arguments":{}}',
      ["call-start 0: look", "call-arguments 0: {}"],
    ],
    [
      "a call of a tool that is not offered: text",
      tools,
      '<tool_call>\n{"name": "rm", "arguments": {}}\n</tool_call>',
      ['content: <tool_call>\n{"name": "rm", "arguments": {}}\n</tool_call>'],
    ],
    ["thoughts", think, "<think>Hm.</think>\n\nYes.", ["reasoning: Hm.", "content: Yes."]],
    [
      "thoughts begun by the prompt",
      { ...think, startsThinking: true },
      "Hm.</think>\nYes.",
      ["reasoning: Hm.", "content: Yes."],
    ],
    ["a tag in the middle of text", think, "Use <think> here", ["content: Use <think> here"]],
    [
      "bare JSON as a call",
      bare,
      '{"name": "look", "parameters": {}}',
      ["call-start 0: look", "call-arguments 0: {}"],
    ],
    [
      "bare JSON in the middle of text",
      bare,
      'Write {"name": "look", "parameters": {}}',
      ['content: Write {"name": "look", "parameters": {}}'],
    ],
  ];
  it.each(cases)("reads %s", (_title, options, text, expected) => {
    expect(parse(options, [text])).toEqual(expected);
  });

  it.each(cases)("reads %s the same in any pieces", (_title, options, text, expected) => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 60 }), (sizes) => {
        const pieces: string[] = [];
        let at = 0;
        for (const size of sizes) {
          pieces.push(text.slice(at, at + size));
          at += size;
        }
        pieces.push(text.slice(at));
        expect(parse(options, pieces)).toEqual(expected);
      }),
    );
  });

  it("drops a call without a name when the tokens ran out", () => {
    expect(parse(tools, [`${call("{}")}\n<tool_call>\n{"na`], true)).toEqual([
      "call-start 0: look",
      "call-arguments 0: {}",
    ]);
  });

  it("sends text at once when no marker can have begun", () => {
    const parser = answerParser({ ...tools, stop: ["END"] });
    expect(parser.push("Hello", false)).toEqual([{ kind: "content", text: "Hello" }]);
  });

  it("shows control tokens to nobody, except those of a call's form", () => {
    const parser = answerParser(tools);
    expect(parser.push("<|im_end|>", true)).toEqual([]);
    parser.push("<tool_call>", true);
    expect(parser.openCall).toBe("");
  });

  it("tells what came after a trigger in the same piece", () => {
    const parser = answerParser(tools);
    parser.push('ok <tool_call>\n{"', false);
    expect(parser.openCall).toBe('\n{"');
    parser.push('name": "look", "arguments": {', false);
    expect(parser.openCall).toBeUndefined();
    expect(parser.calls).toBe(1);
  });
});
