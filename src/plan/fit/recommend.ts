import type { CatalogEntry } from "../../models/catalog.ts";
import { AGENT_COMFORT, AGENT_FLOOR } from "../context-window.ts";
import type { Budget, Room } from "./budget.ts";
import { catalogModel } from "./catalog-model.ts";
import { fitContext } from "./fit-context.ts";

/** `yes`: it takes tools, and as much context fits as agents want. `short`: no more than their first requests. `no`: neither. */
export type AgentFitness = "yes" | "short" | "no";

export interface Recommendation {
  readonly name: string;
  readonly reference: string;
  readonly agent: AgentFitness;
  readonly license: string;
  readonly label: string;
  /** Where the facts are from. */
  readonly source: string;
  /** Of the weights, and how they are known. */
  readonly bytes: number;
  readonly basis: string;
  readonly room: Room;
  /** Largest context that fits, of those that it was trained for; absent where none does. */
  readonly context?: number;
  readonly totalBytes?: number;
}

/** Models that fit first, those for agents before others, larger ones before smaller: what is likely best stands on top. */
export function recommend(
  catalog: readonly CatalogEntry[],
  engine: string,
  budget: Budget,
): readonly Recommendation[] {
  return catalog
    .map((entry) => judge(entry, engine, budget))
    .toSorted((a, b) => rank(a) - rank(b) || b.bytes - a.bytes);
}

function judge(entry: CatalogEntry, engine: string, budget: Budget): Recommendation {
  const { name, reference, agent, license, label, source, size } = entry;
  const { window, estimate, room, misfit } = fitContext({
    settings: {
      context: "auto",
      stretch: false,
      maxOutputTokens: 4096,
      parallel: 1,
      kvType: "f16",
      overcommit: false,
    },
    engine,
    model: name,
    budget,
    ...catalogModel(entry),
  });
  const { bytes, basis } = size;
  const known = { name, reference, license, label, source, bytes, basis };
  // Sum and room are there whenever the shape is known, as the catalog's are.
  if (misfit !== undefined || estimate === undefined || room === undefined) {
    return { ...known, agent: agent ? "yes" : "no", room: "none" };
  }
  return {
    ...known,
    agent: agent ? fitness(window.tokens) : "no",
    room,
    context: window.tokens,
    totalBytes: estimate.total,
  };
}

function fitness(tokens: number): AgentFitness {
  if (tokens >= AGENT_COMFORT) return "yes";
  return tokens >= AGENT_FLOOR ? "short" : "no";
}

/** What is partly on a GPU works, slowly. */
const ORDER: Readonly<Record<Recommendation["room"], number>> = {
  ample: 0,
  tight: 0,
  split: 1,
  none: 2,
};

const AGENT_ORDER: Readonly<Record<AgentFitness, number>> = { yes: 0, short: 1, no: 2 };

function rank({ room, agent }: Recommendation): number {
  return 3 * ORDER[room] + AGENT_ORDER[agent];
}
