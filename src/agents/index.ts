import type { Endpoint } from "../endpoint.ts";
import { StackError } from "../errors.ts";
import { truncationWarning } from "../gate/findings.ts";
import { nearest } from "../models/nearest.ts";
import type { Agent } from "./agent.ts";
import { litellm } from "./litellm.ts";
import { mlInternApiBase } from "./ml-intern-api-base.ts";
import { mlInternPypi } from "./ml-intern-pypi.ts";
import { mlIntern } from "./ml-intern.ts";
import { cutsPrompts } from "./input-tokens.ts";
import { openai } from "./openai.ts";

/** Every agent that we configure. A new one is one file and one line here. */
export const AGENTS = {
  [mlIntern.name]: mlIntern,
  [mlInternPypi.name]: mlInternPypi,
  [mlInternApiBase.name]: mlInternApiBase,
  [openai.name]: openai,
  [litellm.name]: litellm,
} as const satisfies Record<string, Agent>;

/** The agent of that name; another name is `USAGE` and names the nearest one. */
export function findAgent(name: string): Agent {
  const known: Readonly<Record<string, Agent>> = AGENTS;
  const found = Object.hasOwn(known, name) ? known[name] : undefined;
  if (found !== undefined) return found;
  const near = nearest(name, Object.keys(known));
  throw new StackError("USAGE", {
    what: `There is no agent named ${JSON.stringify(name)}.`,
    why:
      near === undefined ? `Known are ${Object.keys(known).join(", ")}.` : `Did you mean ${near}?`,
    next: "stack agents",
  });
}

/** What of this endpoint would hurt this agent, in sentences: its size, its way with tools and with prompts that are too long. */
export function agentWarnings(agent: Agent, endpoint: Endpoint): readonly string[] {
  const warnings: string[] = [];
  if (endpoint.contextWindow < agent.minimumContext) {
    warnings.push(
      `${agent.title} needs a window of ${agent.minimumContext} tokens and this one has ${endpoint.contextWindow}: start the stack with --context ${agent.minimumContext}.`,
    );
  }
  if (agent.needsTools && !endpoint.tools) {
    warnings.push(
      `${agent.title} works through tools, and the template of ${endpoint.model} drops them: choose a model made for tools.`,
    );
  }
  if (endpoint.measured?.context.proof === "failed") {
    warnings.push(
      `The window of ${endpoint.contextWindow} tokens is not proved: the engine failed over a prompt that was to fill it (stack status).`,
    );
  }
  if (cutsPrompts(endpoint)) warnings.push(truncationWarning(endpoint.contextWindow));
  return warnings;
}
