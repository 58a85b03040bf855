import type { ModelFacts } from "../models/model.ts";
import type { Settings } from "./settings.ts";

export interface ContextWindow {
  /** Tokens of one conversation. */
  readonly tokens: number;
  readonly limitedBy: "settings" | "training" | "stretched past training";
  /** Tokens that one answer may have: the setting, and never more than a quarter of the window. */
  readonly maxOutputTokens: number;
  readonly warnings: readonly string[];
}

/**
 * Below this many tokens an agent that sends its tools has no room to work: the first request of
 * ml-intern alone is 15,290 tokens (docs/agents/ml-intern.md).
 */
const AGENT_FLOOR = 16_384;

/** How many tokens the engine is told to hold. What the model was trained for is the cap, unless it is to be stretched. */
export function contextWindow(
  settings: Pick<Settings, "context" | "stretch" | "maxOutputTokens">,
  model: Pick<ModelFacts, "trainedContext">,
): ContextWindow {
  const trained = model.trainedContext ?? settings.context;
  const over = settings.context > trained;
  const tokens = over && !settings.stretch ? trained : settings.context;
  const warnings: string[] = [];
  if (over && settings.stretch) {
    warnings.push(
      `The context of ${tokens} tokens is more than the ${trained} the model was trained for: expect nonsense beyond them.`,
    );
  }
  if (tokens < AGENT_FLOOR) {
    const reason = over ? "all that the model was trained for" : "as it was asked for";
    warnings.push(
      `The context is ${tokens} tokens, ${reason}: agents that send tools want ${AGENT_FLOOR} or more.`,
    );
  }
  return {
    tokens,
    limitedBy: over ? (settings.stretch ? "stretched past training" : "training") : "settings",
    maxOutputTokens: Math.max(1, Math.min(settings.maxOutputTokens, Math.floor(tokens / 4))),
    warnings,
  };
}
