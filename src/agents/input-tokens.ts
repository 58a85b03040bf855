import type { Endpoint } from "../endpoint.ts";

/** Tokens that a prompt may have so that a whole answer still fits; at least half of the window. */
export function inputTokens(endpoint: Endpoint): number {
  const half = Math.ceil(endpoint.contextWindow / 2);
  return Math.max(half, endpoint.contextWindow - endpoint.maxOutputTokens);
}

/** Whether a prompt that is too long is cut without a word: then only the agent's own limit keeps its instructions whole. */
export function cutsPrompts({ measured }: Pick<Endpoint, "measured">): boolean {
  return measured?.context.truncates === true;
}
