import type { StoredModel } from "../models/model.ts";

/**
 * What to tell of a model that was not made to chat: engines write a conversation in some form then, and it answers anyhow.
 * Ollama's models have their template beside the weights.
 */
export function templateWarnings({
  facts,
  reference,
}: Pick<StoredModel, "facts" | "reference">): readonly string[] {
  const made = facts.hasChatTemplate || facts.chatFamily !== undefined;
  if (made || reference.startsWith("ollama:")) return [];
  return [
    "The model has no chat template: it was not made for conversations, and agents get little out of it. Its instruct (chat) variant has one.",
  ];
}
