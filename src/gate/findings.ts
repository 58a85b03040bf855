import type { Measured, Ready } from "../endpoint.ts";
import { flagFact, numberFact, textFact, windowTold } from "./facts.ts";
import type { GateFacts } from "./probe.ts";

/** What the facts of a climbed ladder mean for an endpoint. */
export interface Findings {
  /** Tokens of one conversation: proved, else named by the engine, else as it was believed. */
  readonly contextWindow: number;
  /** Undefined when no request with tools was made. */
  readonly tools: boolean | undefined;
  readonly measured: Measured;
  readonly warnings: readonly string[];
}

export interface Belief {
  readonly ready: Ready;
  /** Tokens that one conversation is believed to hold. */
  readonly window: number;
  /** Conversations at the same time, where it is known without asking. */
  readonly parallel: number | undefined;
  /** How the engine is known to treat a prompt that is too long; a probe that has seen it goes before. */
  readonly truncates?: boolean | undefined;
}

/** Reads the facts of the gate. Pure. */
export function findings(facts: GateFacts, belief: Belief): Findings {
  const named = numberFact(facts, "contextLength");
  const limit = numberFact(facts, "contextLimit");
  const proved = numberFact(facts, "contextProved");
  const cut = facts["contextProof"] === "cut";
  const contextWindow = (cut ? proved : limit) ?? named ?? belief.window;
  const truncates = flagFact(facts, "truncates") ?? belief.truncates;
  const accepted = flagFact(facts, "tools");
  const rendered = flagFact(facts, "toolsRendered");
  const context: Measured["context"] = {
    proof: proofOf(facts),
    ...only("provedTokens", proved),
    ...only("truncates", truncates),
    ...only("overflow", textFact(facts, "overflow")),
  };
  const measured: Measured = {
    ready: belief.ready,
    context,
    ...(accepted === undefined
      ? {}
      : {
          tools: {
            accepted,
            ...only("rendered", rendered),
            ...only("call", textFact(facts, "toolCall")),
            ...only("why", textFact(facts, "toolsWhy")),
          },
        }),
    ...only("engineVersion", textFact(facts, "engineVersion")),
    ...only("software", textFact(facts, "software")),
    ...only("parallel", numberFact(facts, "parallel") ?? belief.parallel),
    ...only("firstTokenMs", numberFact(facts, "firstTokenMs")),
    ...only("tokensPerSecond", numberFact(facts, "tokensPerSecond")),
    ...only("promptTokensPerSecond", numberFact(facts, "promptTokensPerSecond")),
  };
  return {
    contextWindow,
    tools: accepted === undefined ? undefined : accepted && rendered !== false,
    measured,
    warnings: [
      ...contextWarnings(facts, contextWindow, context, belief),
      ...toolWarnings(measured),
    ],
  };
}

function proofOf(facts: GateFacts): Measured["context"]["proof"] {
  const proof = facts["contextProof"];
  if (proof === "full" || proof === "partial" || proof === "failed") return proof;
  return windowTold(facts) ? "told" : "assumed";
}

function contextWarnings(
  facts: GateFacts,
  window: number,
  context: Measured["context"],
  belief: Belief,
): readonly string[] {
  const warnings: string[] = [];
  const named = numberFact(facts, "contextLength");
  if (window < (named ?? belief.window)) {
    const why = textFact(facts, "contextRefused") ?? "longer prompts were cut";
    warnings.push(
      `The window was believed to be ${named ?? belief.window} tokens and is ${window} (${why}).`,
    );
  }
  if (context.truncates === true) warnings.push(truncationWarning(window));
  if (flagFact(facts, "overflowFailed") === true) warnings.push(overflowWarning(context, window));
  if (belief.ready !== "agent" || context.proof === "full") return warnings;
  const { provedTokens } = context;
  if (context.proof === "partial" && provedTokens !== undefined) {
    warnings.push(
      `Only ${provedTokens} of ${window} tokens of context were proved: reading more would have taken longer than --timeout allows.`,
    );
  } else {
    warnings.push(
      `The context of ${window} tokens could not be proved (${unprovedReason(facts)}).`,
    );
  }
  return warnings;
}

/** Said where it matters: when the stack comes up, by `status`, and to whoever configures an agent. */
export function truncationWarning(window: number): string {
  return `A prompt of more than ${window} tokens is cut without a word: keep the agent's own limit below that, or it loses its instructions.`;
}

/** It may have broken the engine, so that it matters even where it is not what was expected. */
function overflowWarning({ overflow }: Measured["context"], window: number): string {
  return `A prompt of more than ${window} tokens fails and is not refused (${overflow ?? "no reason given"}): keep the agent's own limit below that.`;
}

function unprovedReason(facts: GateFacts): string {
  switch (facts["contextProof"]) {
    case "failed":
      return textFact(facts, "contextFailed") ?? "a prompt failed";
    case "uncounted":
      return "the server does not count the tokens of a prompt";
    case "too slow":
      return "it was not read in time";
    case "cut":
      return "it cut the prompt";
    default:
      return textFact(facts, "contextRefused") ?? "no prompt of that size was sent";
  }
}

function toolWarnings({ tools }: Measured): readonly string[] {
  if (tools === undefined) return [];
  if (!tools.accepted) {
    return [
      `Requests with tools are refused (${tools.why ?? "no reason given"}): agents can't work with it.`,
    ];
  }
  if (tools.rendered === false) {
    return [
      "Tools are accepted and dropped on the way to the model: its template has no place for them.",
    ];
  }
  return [];
}

function only<Key extends string, Value>(
  key: Key,
  value: Value | undefined,
): Partial<Record<Key, Value>> {
  return value === undefined ? {} : ({ [key]: value } as Record<Key, Value>);
}
