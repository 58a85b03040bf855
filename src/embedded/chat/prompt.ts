import { badRequest } from "../openai/api-error.ts";
import type { ChatMessage, Tool } from "../openai/chat-request.ts";
import { type CallFormat, HERMES_FORMAT } from "./call-format.ts";
import { learnCallFormat } from "./learn-call-format.ts";
import {
  type ArgumentsAs,
  CHATML_TEMPLATE,
  compileTemplate,
  type Render,
  type TemplateTokens,
} from "./template.ts";
import { toolsAsText } from "./tools-as-text.ts";

/** A model's way of writing conversations, found out once when it is loaded. */
export interface PromptWriter {
  /** Whether tools are rendered by the model's own template; otherwise as text, which every template can carry. */
  readonly nativeTools: boolean;
  readonly callFormat: CallFormat;
  write(messages: readonly ChatMessage[], tools: readonly Tool[]): string;
}

export function createPromptWriter(
  source: string | undefined,
  tokens: TemplateTokens,
  endOfTurn: readonly string[],
): PromptWriter {
  const render = compileTemplate(source ?? CHATML_TEMPLATE, tokens);
  const learned = learnCallFormat(render, endOfTurn);
  const argumentsAs = learned?.argumentsAs ?? "object";
  return {
    nativeTools: learned !== undefined,
    callFormat: learned?.format ?? HERMES_FORMAT,
    write: (messages, tools) =>
      learned === undefined
        ? renderWith(render, toolsAsText(messages, tools), [], argumentsAs)
        : renderWith(render, messages, tools, argumentsAs),
  };
}

/**
 * Many templates refuse what OpenAI's API allows: two user messages in a row, a system message at all, or one in the
 * middle. So plainer forms of the same conversation are tried before the template's refusal is passed on.
 */
function renderWith(
  render: Render,
  messages: readonly ChatMessage[],
  tools: readonly Tool[],
  argumentsAs: ArgumentsAs,
): string {
  let refusal: unknown;
  for (const plain of [messages, mergeSameRole(messages), foldSystem(messages)]) {
    try {
      return render({ messages: plain, tools, argumentsAs, addGenerationPrompt: true });
    } catch (error) {
      refusal ??= error;
    }
  }
  const why = refusal instanceof Error ? refusal.message : String(refusal);
  throw badRequest(`The model's chat template refuses these messages: ${why}`, "messages");
}

function mergeSameRole(messages: readonly ChatMessage[]): readonly ChatMessage[] {
  const result: ChatMessage[] = [];
  for (const message of messages) {
    const last = result.at(-1);
    const mergeable = message.role === "user" || message.role === "system";
    if (mergeable && last?.role === message.role) {
      result[result.length - 1] = { ...last, content: `${last.content}\n\n${message.content}` };
    } else result.push(message);
  }
  return result;
}

/** System messages become the beginning of the user's. */
function foldSystem(messages: readonly ChatMessage[]): readonly ChatMessage[] {
  return mergeSameRole(
    messages.map((message) =>
      message.role === "system" ? { ...message, role: "user" as const } : message,
    ),
  );
}
