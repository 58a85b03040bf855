/**
 * How tools are told to a model whose own template drops them: the words around the list of functions, one JSON object
 * a line, and the tags of calls and results, as Hermes models were trained on. Shared by the templates for Ollama and for
 * llama.cpp, so that a model is told the same whatever serves it.
 */
export const TOOLS_BEFORE = `# Tools

You may call functions. Each line between the tags describes one, as JSON:
<tools>`;

export const TOOLS_AFTER = `</tools>

To call one, answer with its name and arguments as JSON inside tags:
<tool_call>
{"name": "name of the function", "arguments": {"argument": "value"}}
</tool_call>`;
