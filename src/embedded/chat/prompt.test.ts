import { describe, expect, it } from "vitest";
import type { ChatMessage, Tool } from "../openai/chat-request.ts";
import { createPromptWriter } from "./prompt.ts";
import { CHATML_TEMPLATE } from "./template.ts";

const tokens = { bos: "<s>", eos: "</s>" };
const look: Tool = {
  type: "function",
  function: { name: "look", description: "Looks.", parameters: { type: "object" } },
};
const user = (content: string): ChatMessage => ({ role: "user", content });

describe("createPromptWriter", () => {
  it("writes ChatML for a model without a template", () => {
    const writer = createPromptWriter(undefined, tokens, []);
    expect(writer.write([user("Hi")], [])).toBe(
      "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n",
    );
  });

  it("puts tools, calls and results into text where the template would drop them", () => {
    const writer = createPromptWriter(CHATML_TEMPLATE, tokens, []);
    expect(writer.nativeTools).toBe(false);
    const prompt = writer.write(
      [
        { role: "system", content: "Be brief." },
        user("Look!"),
        {
          role: "assistant",
          content: "",
          tool_calls: [
            { id: "1", type: "function", function: { name: "look", arguments: '{"at": "sky"}' } },
          ],
        },
        { role: "tool", content: "blue", tool_call_id: "1" },
        { role: "tool", content: "and wide", tool_call_id: "2" },
      ],
      [look],
    );
    expect(prompt).toContain("<|im_start|>system\nBe brief.\n\n# Tools");
    expect(prompt).toContain(JSON.stringify(look));
    expect(prompt).toContain(
      '<tool_call>\n{"name": "look", "arguments": {"at": "sky"}}\n</tool_call>',
    );
    expect(prompt).toContain(
      "<|im_start|>user\n<tool_response>\nblue\n</tool_response>\n<tool_response>\nand wide\n</tool_response><|im_end|>",
    );
  });

  it("joins what a strict template refuses apart", () => {
    const strict = `{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}[{{ m.role }}]{{ m.content }}{% endfor %}`;
    const writer = createPromptWriter(strict, tokens, []);
    expect(writer.write([{ role: "system", content: "S" }, user("A"), user("B")], [])).toBe(
      "[user]S\n\nA\n\nB",
    );
  });

  it("passes on what the template says when nothing helps", () => {
    const writer = createPromptWriter("{{ raise_exception('not today') }}", tokens, []);
    expect(() => writer.write([user("A")], [])).toThrow(/not today/);
  });
});
