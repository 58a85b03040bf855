import { Template } from "@huggingface/jinja";
import type { ChatMessage, Tool } from "../openai/chat-request.ts";

/** Used for a model whose file carries no template: the most widely trained form. */
export const CHATML_TEMPLATE =
  "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

export interface TemplateTokens {
  readonly bos: string;
  readonly eos: string;
}

/** Arguments of earlier calls: most templates want an object to dump, some want the JSON text as it is. */
export type ArgumentsAs = "object" | "text";

interface RenderInput {
  readonly messages: readonly ChatMessage[];
  readonly tools: readonly Tool[];
  readonly argumentsAs: ArgumentsAs;
  readonly addGenerationPrompt: boolean;
}

export type Render = (input: RenderInput) => string;

/** Compiles a GGUF's `tokenizer.chat_template`. The result throws what the template raises, such as "roles must alternate". */
export function compileTemplate(source: string, tokens: TemplateTokens): Render {
  const template = new Template(source);
  return ({ messages, tools, argumentsAs, addGenerationPrompt }) =>
    template.render({
      messages: messages.map((message) => templateMessage(message, argumentsAs)),
      // Templates ask `if tools`; an empty list must look like none at all.
      ...(tools.length === 0 ? {} : { tools }),
      add_generation_prompt: addGenerationPrompt,
      bos_token: tokens.bos,
      eos_token: tokens.eos,
    });
}

function templateMessage(message: ChatMessage, argumentsAs: ArgumentsAs): object {
  if (message.tool_calls === undefined || argumentsAs === "text") return message;
  return {
    ...message,
    tool_calls: message.tool_calls.map((call) => ({
      ...call,
      function: { ...call.function, arguments: parsedObject(call.function.arguments) },
    })),
  };
}

/** A model may have written broken arguments in an earlier turn; the text itself is then the honest rendering. */
function parsedObject(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : text;
  } catch {
    return text;
  }
}
