import type { ChatMessage, Tool } from "../openai/chat-request.ts";
import { HERMES_FORMAT, writeCall } from "./call-format.ts";

/**
 * Rewrites a conversation with tools into one without, for models whose template would drop them silently:
 * tools go into the system message, calls and results into plain text, in the form that Hermes models were trained on.
 */
export function toolsAsText(
  messages: readonly ChatMessage[],
  tools: readonly Tool[],
): readonly ChatMessage[] {
  const rewritten = mergeResults(messages);
  if (tools.length === 0) return rewritten;
  const [first, ...rest] = rewritten;
  const description = describeTools(tools);
  return first?.role === "system"
    ? [{ ...first, content: `${first.content}\n\n${description}` }, ...rest]
    : [{ role: "system", content: description }, ...rewritten];
}

function describeTools(tools: readonly Tool[]): string {
  const lines = tools.map((tool) => JSON.stringify(tool));
  const example = writeCall(HERMES_FORMAT, "<function-name>", "<arguments-as-JSON>");
  return `# Tools

You may call one or more of these functions. Their signatures, one JSON object per line:
<tools>
${lines.join("\n")}
</tools>

To call a function, answer with a JSON object that holds its name and arguments, between tool_call tags:
${example}`;
}

/** Results of calls made together belong to one user message: templates want user and assistant to alternate. */
function mergeResults(messages: readonly ChatMessage[]): readonly ChatMessage[] {
  const result: ChatMessage[] = [];
  let merging = false;
  for (const message of messages) {
    const last = result.at(-1);
    if (message.role === "tool") {
      const text = `<tool_response>\n${message.content}\n</tool_response>`;
      if (merging && last !== undefined) {
        result[result.length - 1] = { ...last, content: `${last.content}\n${text}` };
      } else result.push({ role: "user", content: text });
      merging = true;
      continue;
    }
    merging = false;
    result.push(message.tool_calls === undefined ? message : callsAsText(message));
  }
  return result;
}

function callsAsText({ role, content, tool_calls = [] }: ChatMessage): ChatMessage {
  const calls = tool_calls.map((call) =>
    writeCall(HERMES_FORMAT, call.function.name, call.function.arguments),
  );
  return { role, content: [content, ...calls].filter((text) => text !== "").join("\n") };
}
