import type { ChatMessage } from "../openai/chat-request.ts";

/** A prompt in parts: `plain` text is never read as control tokens. */
export interface PromptPart {
  readonly text: string;
  readonly plain: boolean;
}

/** Private-use characters around an index: no template looks at them, and text that has them anyway is left alone. */
const MASK = /\uE0F0(\d+)\uE0F1/g;

/**
 * Keeps a message (a web page that a tool read, say) from forging turns by containing `<|im_end|>`: such texts are masked before the
 * template is rendered, and come back as plain text.
 */
export function maskControlText(
  messages: readonly ChatMessage[],
  controlTexts: readonly string[],
): readonly ChatMessage[] {
  const present = controlTexts.filter((text) =>
    messages.some((message) => message.content.includes(text)),
  );
  if (present.length === 0) return messages;
  const byLength = present.toSorted((a, b) => b.length - a.length);
  return messages.map((message) => ({
    ...message,
    content: byLength.reduce(
      (content, text) => content.replaceAll(text, `\uE0F0${controlTexts.indexOf(text)}\uE0F1`),
      message.content,
    ),
  }));
}

/** Splits a rendered prompt where something was masked. */
export function promptParts(prompt: string, controlTexts: readonly string[]): PromptPart[] {
  const parts: PromptPart[] = [];
  let from = 0;
  for (const match of prompt.matchAll(MASK)) {
    const text = controlTexts[Number(match[1])];
    if (text === undefined) continue;
    parts.push({ text: prompt.slice(from, match.index), plain: false }, { text, plain: true });
    from = match.index + match[0].length;
  }
  parts.push({ text: prompt.slice(from), plain: false });
  return parts.filter((part) => part.text !== "");
}
