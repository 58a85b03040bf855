import { describe, expect, it } from "vitest";
import { learnCallFormat } from "./learn-call-format.ts";
import { compileTemplate } from "./template.ts";

const learn = (source: string) =>
  learnCallFormat(compileTemplate(source, { bos: "<s>", eos: "</s>" }), ["</s>", "<|end|>"]);

/** Templates in the shape of the named families, reduced to what matters here. */
const frame = (tools: string, call: string): string =>
  `${tools}{% for m in messages %}{{ m.role }}: {{ m.content }}${call}<|end|>
{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}`;
const SHOW = "{% if tools %}{{ tools | tojson }}{% endif %}";
const each = (body: string): string =>
  `{% for c in m.tool_calls or [] %}${body}{% if not loop.last %}{{ '\\n' }}{% endif %}{% endfor %}`;

describe("learnCallFormat", () => {
  it("learns tagged JSON (Hermes, Qwen)", () => {
    const body = `<tool_call>
{"name": "{{ c.function.name }}", "arguments": {{ c.function.arguments | tojson }}}
</tool_call>`;
    expect(learn(frame(SHOW, each(body)))).toEqual({
      argumentsAs: "object",
      format: {
        trigger: "<tool_call>",
        open: '\n{"name": "',
        middle: '", "arguments": ',
        close: "}\n</tool_call>",
        separator: "\n",
        atStartOnly: false,
      },
    });
  });

  it("learns a name outside the JSON (newer Mistral)", () => {
    const body = "[TOOL_CALLS]{{ c.function.name }}[ARGS]{{ c.function.arguments | tojson }}";
    expect(learn(frame(SHOW, each(body)))?.format).toMatchObject({
      trigger: "[TOOL_CALLS]",
      open: "",
      middle: "[ARGS]",
      close: "",
    });
  });

  it("learns a list of calls with ids (older Mistral): one call at a time", () => {
    const call = `{% if m.tool_calls %}[TOOL_CALLS] [{% for c in m.tool_calls %}{"name": "{{ c.function.name }}", "arguments": {{ c.function.arguments | tojson }}, "id": "{{ c.id }}"}{% if not loop.last %}, {% endif %}{% endfor %}]{% endif %}`;
    expect(learn(frame(SHOW, call))?.format).toEqual({
      trigger: "[TOOL_CALLS]",
      open: ' [{"name": "',
      middle: '", "arguments": ',
      close: ', "id": "call00001"}]',
      separator: undefined,
      atStartOnly: false,
    });
  });

  it("learns bare JSON, which counts only where an answer begins (Llama 3.1)", () => {
    const body = `{"name": "{{ c.function.name }}", "parameters": {{ c.function.arguments | tojson }}}`;
    expect(learn(frame(SHOW, each(body)))?.format).toMatchObject({
      trigger: '{"name": "',
      close: "}",
      atStartOnly: true,
    });
  });

  it("hands arguments over as text to a template that wants them so (DeepSeek)", () => {
    const body =
      "<call>{{ c.function.name }}\n{{ '```json\\n' + c.function.arguments + '\\n```' }}</call>";
    const learned = learn(frame(SHOW, each(body)));
    expect(learned?.argumentsAs).toBe("text");
    expect(learned?.format).toMatchObject({ trigger: "<call>", middle: "\n```json\n" });
  });

  it("leaves empty thoughts out of the form (Qwen 3)", () => {
    const body = `<think>

</think>

<tool_call>{"name": "{{ c.function.name }}", "arguments": {{ c.function.arguments | tojson }}}</tool_call>`;
    expect(learn(frame(SHOW, each(body)))?.format.trigger).toBe("<tool_call>");
  });

  it.each([
    ["drops tools silently (SmolLM2)", frame("", "")],
    ["shows tools and drops calls", frame(SHOW, "")],
    [
      "writes arguments as tags",
      frame(
        SHOW,
        each(
          "<f={{ c.function.name }}>{% for k, v in c.function.arguments | items %}<p={{ k }}>{{ v }}</p>{% endfor %}</f>",
        ),
      ),
    ],
    ["raises", "{{ raise_exception('no') }}"],
  ])("declines a template that %s", (_title, source) => {
    expect(learn(source)).toBeUndefined();
  });
});
