import type { ChatFamily } from "../model.ts";
import { TOOLS_AFTER, TOOLS_BEFORE } from "./tool-words.ts";

/** How a model wants a conversation written, in Ollama's template language. */
export interface OllamaTemplate {
  readonly family: ChatFamily;
  readonly template: string;
  /** Texts that end an answer. */
  readonly stop: readonly string[];
}

/**
 * Ollama learns what a model can do from the template layer of its manifest: `.Tools` in it means tools are accepted,
 * the text before the first `{` under `.ToolCalls` is how a call begins (tools/template.go), and a tool role makes it
 * keep this template over the one in the GGUF (server/images.go, goTemplateHasToolRoundTrip).
 */
const TOOL_LIST = `${TOOLS_BEFORE}
{{- range $.Tools }}
{{ json . }}
{{- end }}
${TOOLS_AFTER}`;

const TOOL_CALLS = `{{- if .ToolCalls }}
{{- range .ToolCalls }}
<tool_call>
{"name": "{{ .Function.Name }}", "arguments": {{ json .Function.Arguments }}}
</tool_call>
{{- end }}
{{- end }}`;

const TOOL_RESULT = `<tool_response>
{{ .Content }}
</tool_response>`;

const EACH_MESSAGE = `{{- range $index, $message := .Messages }}
{{- $last := eq (len (slice $.Messages $index)) 1 }}`;

const CHATML: OllamaTemplate = {
  family: "chatml",
  stop: ["<|im_start|>", "<|im_end|>"],
  template: `{{- if or .System .Tools }}<|im_start|>system
{{ .System }}
{{- if .Tools }}

${TOOL_LIST}
{{- end }}<|im_end|>
{{ end }}
${EACH_MESSAGE}
{{- if eq .Role "user" }}<|im_start|>user
{{ .Content }}<|im_end|>
{{ else if eq .Role "assistant" }}<|im_start|>assistant
{{ .Content }}
${TOOL_CALLS}
{{- if not $last }}<|im_end|>
{{ end }}
{{- else if eq .Role "tool" }}<|im_start|>user
${TOOL_RESULT}<|im_end|>
{{ end }}
{{- if and $last (ne .Role "assistant") }}<|im_start|>assistant
{{ end }}
{{- end }}`,
};

/** Gemma has no system role: instructions and tools open the first turn of the user. */
const GEMMA: OllamaTemplate = {
  family: "gemma",
  stop: ["<end_of_turn>"],
  template: `{{- $first := true }}
${EACH_MESSAGE}
{{- if or (eq .Role "user") (eq .Role "tool") }}<start_of_turn>user
{{ if $first }}
{{- $first = false }}
{{- if $.System }}{{ $.System }}

{{ end }}
{{- if $.Tools }}${TOOL_LIST}

{{ end }}
{{- end }}
{{- if eq .Role "tool" }}${TOOL_RESULT}
{{- else }}{{ .Content }}
{{- end }}<end_of_turn>
{{ else if eq .Role "assistant" }}<start_of_turn>model
{{ .Content }}
${TOOL_CALLS}
{{- if not $last }}<end_of_turn>
{{ end }}
{{- end }}
{{- if and $last (ne .Role "assistant") }}<start_of_turn>model
{{ end }}
{{- end }}`,
};

const LLAMA3: OllamaTemplate = {
  family: "llama3",
  stop: ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"],
  template: `{{- if or .System .Tools }}<|start_header_id|>system<|end_header_id|>

{{ .System }}
{{- if .Tools }}

${TOOL_LIST}
{{- end }}<|eot_id|>
{{- end }}
${EACH_MESSAGE}
{{- if eq .Role "user" }}<|start_header_id|>user<|end_header_id|>

{{ .Content }}<|eot_id|>
{{- else if eq .Role "assistant" }}<|start_header_id|>assistant<|end_header_id|>

{{ .Content }}
${TOOL_CALLS}
{{- if not $last }}<|eot_id|>{{ end }}
{{- else if eq .Role "tool" }}<|start_header_id|>ipython<|end_header_id|>

${TOOL_RESULT}<|eot_id|>
{{- end }}
{{- if and $last (ne .Role "assistant") }}<|start_header_id|>assistant<|end_header_id|>

{{ end }}
{{- end }}`,
};

/** By the marks in the model's own template, else by its architecture; undefined when neither says. */
export function ollamaTemplateFor(
  chatTemplate: string | undefined,
  architecture: string,
): OllamaTemplate | undefined {
  if (chatTemplate !== undefined) {
    if (chatTemplate.includes("<|im_start|>")) return CHATML;
    if (chatTemplate.includes("<start_of_turn>")) return GEMMA;
    if (chatTemplate.includes("<|start_header_id|>")) return LLAMA3;
    return undefined;
  }
  if (/^gemma[23]?$/.test(architecture)) return GEMMA;
  return /^qwen[23]/.test(architecture) ? CHATML : undefined;
}

/** Whether Ollama would accept tools with this template layer. */
export function templateTakesTools(template: string): boolean {
  return /\{\{[^}]*\.Tools\b/.test(template);
}
