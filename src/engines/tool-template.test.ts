import { Template } from "@huggingface/jinja";
import { describe, expect, it } from "vitest";
import type { ChatFamily } from "../models/model.ts";
import { toolTemplate } from "./tool-template.ts";

const tools = [{ type: "function", function: { name: "weather", parameters: { type: "object" } } }];
const conversation = [
  { role: "system", content: "Be brief." },
  { role: "user", content: "How warm?" },
  {
    role: "assistant",
    content: null,
    tool_calls: [{ type: "function", function: { name: "weather", arguments: { city: "Bern" } } }],
  },
  { role: "tool", content: "7" },
];

function render(family: ChatFamily, input: object): string {
  return new Template(toolTemplate(family)).render({ add_generation_prompt: true, ...input });
}

describe("a template with tools", () => {
  it("tells them, the calls and the results", () => {
    expect(render("chatml", { messages: conversation, tools })).toBe(`<|im_start|>system
Be brief.

# Tools

You may call functions. Each line between the tags describes one, as JSON:
<tools>
{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
</tools>

To call one, answer with its name and arguments as JSON inside tags:
<tool_call>
{"name": "name of the function", "arguments": {"argument": "value"}}
</tool_call><|im_end|>
<|im_start|>user
How warm?<|im_end|>
<|im_start|>assistant

<tool_call>
{"name": "weather", "arguments": {"city": "Bern"}}
</tool_call><|im_end|>
<|im_start|>user
<tool_response>
7
</tool_response><|im_end|>
<|im_start|>assistant
`);
  });

  it.each([
    [
      "chatml",
      "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\n",
    ],
    ["gemma", "<start_of_turn>user\nS\n\nU<end_of_turn>\n<start_of_turn>model\n"],
    [
      "llama3",
      "<|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nU<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
    ],
  ] as const)("of %s writes a conversation without tools as the family does", (family, text) => {
    const messages = [
      { role: "system", content: "S" },
      { role: "user", content: "U" },
    ];
    expect(render(family, { messages })).toBe(text);
    expect(render(family, { messages, tools: [] })).toBe(text);
  });

  it.each(["chatml", "gemma", "llama3"] as const)("of %s leaves none out", (family) => {
    const text = render(family, { messages: conversation, tools });
    for (const part of [
      "Be brief.",
      '"function": {"name": "weather"',
      "How warm?",
      '<tool_call>\n{"name": "weather", "arguments": {"city": "Bern"}}\n</tool_call>',
      "<tool_response>\n7\n</tool_response>",
    ]) {
      expect(text.split(part)).toHaveLength(2);
    }
  });

  it("takes arguments as text too, as OpenAI's clients send them", () => {
    const messages = [
      { role: "user", content: "U" },
      {
        role: "assistant",
        content: "",
        tool_calls: [{ function: { name: "weather", arguments: '{"city":"Bern"}' } }],
      },
    ];
    expect(render("llama3", { messages, tools })).toContain(
      '{"name": "weather", "arguments": {"city":"Bern"}}',
    );
  });
});
