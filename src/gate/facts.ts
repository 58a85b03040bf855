import type { GateFacts } from "./probe.ts";

/** A fact of that kind; undefined where there is none, or another kind of it. */
export function numberFact(facts: GateFacts, key: string): number | undefined {
  const value = facts[key];
  return typeof value === "number" ? value : undefined;
}

export function textFact(facts: GateFacts, key: string): string | undefined {
  const value = facts[key];
  return typeof value === "string" ? value : undefined;
}

export function flagFact(facts: GateFacts, key: string): boolean | undefined {
  const value = facts[key];
  return typeof value === "boolean" ? value : undefined;
}

/** Whether the window as it is known is one that the engine has named: not a half of what it has refused. */
export function windowTold(facts: GateFacts): boolean {
  const named = "contextLength" in facts || "contextLimit" in facts;
  return named && flagFact(facts, "contextGuessed") !== true;
}
