import { TOOLS_AFTER, TOOLS_BEFORE } from "../models/gguf/tool-words.ts";
import type { ChatFamily } from "../models/model.ts";

/**
 * A Jinja chat template with tools, for a model of that family whose own has none: engines drop tools silently then, even
 * with `tool_choice: "required"` (seen with llama-server 0.7.0). The Go templates for Ollama say the same
 * (src/models/gguf/ollama-template.ts).
 */
export function toolTemplate(family: ChatFamily): string {
  return TEMPLATES[family];
}

interface Marks {
  /** Opens a turn, up to the text; `ROLE` stands for the role. */
  readonly open: string;
  readonly close: string;
  /** The family's word for the model. */
  readonly assistant: string;
  /** In whose name results of tools are told. */
  readonly results: string;
  /** Without a system role, instructions open the first turn of the user. */
  readonly system: boolean;
}

const TEMPLATES: Readonly<Record<ChatFamily, string>> = {
  chatml: template({
    open: "<|im_start|>ROLE\n",
    close: "<|im_end|>\n",
    assistant: "assistant",
    results: "user",
    system: true,
  }),
  gemma: template({
    open: "<start_of_turn>ROLE\n",
    close: "<end_of_turn>\n",
    assistant: "model",
    results: "user",
    system: false,
  }),
  llama3: template({
    open: "<|start_header_id|>ROLE<|end_header_id|>\n\n",
    close: "<|eot_id|>",
    assistant: "assistant",
    results: "ipython",
    system: true,
  }),
};

function template({ open, close, assistant, results, system }: Marks): string {
  const turn = (role: string): string => literal(open.replace("ROLE", role));
  return [
    "{%- set words = '' -%}{%- set rest = messages -%}",
    "{%- if messages[0].role == 'system' -%}{%- set words = messages[0].content -%}{%- set rest = messages[1:] -%}{%- endif -%}",
    "{%- set told = namespace(text=words) -%}",
    "{%- if tools -%}",
    `{%- set told.text = (words + '\\n\\n' if words else '') + ${literal(TOOLS_BEFORE)} -%}`,
    "{%- for tool in tools -%}{%- set told.text = told.text + '\\n' + (tool | tojson) -%}{%- endfor -%}",
    `{%- set told.text = told.text + ${literal(`\n${TOOLS_AFTER}`)} -%}`,
    "{%- endif -%}",
    system
      ? `{%- if told.text -%}{{- ${turn("system")} + told.text + ${literal(close)} -}}{%- endif -%}`
      : "",
    "{%- for message in rest -%}",
    "{%- if message.role == 'assistant' -%}",
    `{{- ${turn(assistant)} + (message.content or '') -}}`,
    "{%- for call in message.tool_calls or [] -%}",
    "{%- set inner = call.function or call -%}",
    `{{- '\\n<tool_call>\\n{"name": ' + (inner.name | tojson) + ', "arguments": ' -}}`,
    "{{- inner.arguments if inner.arguments is string else (inner.arguments | tojson) -}}",
    "{{- '}\\n</tool_call>' -}}",
    "{%- endfor -%}",
    `{{- ${literal(close)} -}}`,
    "{%- elif message.role == 'tool' -%}",
    `{{- ${turn(results)} + '<tool_response>\\n' + message.content + '\\n</tool_response>' + ${literal(close)} -}}`,
    "{%- else -%}",
    system
      ? `{{- ${literal(open.split("ROLE")[0] ?? "")} + message.role + ${literal(open.split("ROLE")[1] ?? "")} + message.content + ${literal(close)} -}}`
      : `{{- ${turn("user")} + (told.text + '\\n\\n' if loop.first and told.text else '') + message.content + ${literal(close)} -}}`,
    "{%- endif -%}",
    "{%- endfor -%}",
    `{%- if add_generation_prompt -%}{{- ${turn(assistant)} -}}{%- endif -%}`,
  ].join("");
}

/** A string of Jinja's: JSON's escapes are among its own. */
function literal(text: string): string {
  return JSON.stringify(text);
}
