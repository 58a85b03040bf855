import type { ModelFacts } from "../models/model.ts";
import type { Settings } from "./settings.ts";

export interface ContextWindow {
  /** Tokens of one conversation. */
  readonly tokens: number;
  readonly limitedBy: "settings" | "training" | "stretched past training" | "memory";
  /** Tokens that one answer may have: the setting, and never more than a quarter of the window. */
  readonly maxOutputTokens: number;
  readonly warnings: readonly string[];
}

/**
 * Below this many tokens an agent that sends its tools has no room to work: the first request of
 * ml-intern alone is 15,290 tokens (docs/agents/ml-intern.md).
 */
export const AGENT_FLOOR = 16_384;
/** With this many it has some for the work itself. */
export const AGENT_COMFORT = 32_768;

/**
 * How many tokens the engine is told to hold. What the model was trained for is the cap, unless it is to be stretched.
 * `chosen`: whether the number is `auto`'s, and then what it comes from. Nobody asked for that one, so it is warned of sooner.
 */
export function contextWindow(
  settings: Pick<Settings, "stretch" | "maxOutputTokens"> & { readonly context: number },
  model: Pick<ModelFacts, "trainedContext">,
  chosen: { readonly by: "settings" | "training" | "memory"; readonly auto: boolean } = {
    by: "settings",
    auto: false,
  },
): ContextWindow {
  const trained = model.trainedContext ?? settings.context;
  const over = settings.context > trained;
  const tokens = over && !settings.stretch ? trained : settings.context;
  const pastTraining = settings.stretch ? "stretched past training" : "training";
  const limitedBy = over ? pastTraining : chosen.by;
  const warnings: string[] = [];
  if (over && settings.stretch) {
    warnings.push(
      `The context of ${tokens} tokens is more than the ${trained} the model was trained for: expect nonsense beyond them.`,
    );
  }
  const wanted = chosen.auto ? AGENT_COMFORT : AGENT_FLOOR;
  if (tokens < wanted) {
    warnings.push(
      `The context is ${tokens} tokens, ${WHY_NO_MORE[limitedBy]}: agents that send tools want ${wanted} or more.`,
    );
  }
  return {
    tokens,
    limitedBy,
    maxOutputTokens: Math.max(1, Math.min(settings.maxOutputTokens, Math.floor(tokens / 4))),
    warnings,
  };
}

/** What decided about a context, for people. */
export const WHY_NO_MORE: Readonly<Record<ContextWindow["limitedBy"], string>> = {
  settings: "as it was asked for",
  training: "all that the model was trained for",
  "stretched past training": "as it was asked for",
  memory: "all that the free memory holds",
};
