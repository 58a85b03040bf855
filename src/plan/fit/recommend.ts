import type { CatalogEntry } from "../../models/catalog.ts";
import { AGENT_FLOOR } from "../context-window.ts";
import type { Budget, Room } from "./budget.ts";
import { fitContext } from "./fit-context.ts";

export interface Recommendation {
  readonly name: string;
  readonly reference: string;
  /** It takes tools, and the context that fits is one that an agent can work with. */
  readonly agent: boolean;
  readonly license: string;
  readonly label: string;
  /** Where the facts are from. */
  readonly source: string;
  /** Of the weights, and how they are known; absent where nobody says. */
  readonly bytes?: number;
  readonly basis?: string;
  /** Largest context that fits, of those that it was trained for; absent where it is not known. */
  readonly context?: number;
  readonly totalBytes?: number;
  /** `unknown`: its size is nowhere written. */
  readonly room: Room | "unknown";
}

/** Models that fit first, those for agents before others, larger ones before smaller: what is likely best stands on top. */
export function recommend(
  catalog: readonly CatalogEntry[],
  engine: string,
  budget: Budget,
): readonly Recommendation[] {
  return catalog
    .map((entry) => judge(entry, engine, budget))
    .toSorted((a, b) => rank(a) - rank(b) || (b.bytes ?? 0) - (a.bytes ?? 0));
}

function judge(entry: CatalogEntry, engine: string, budget: Budget): Recommendation {
  const { name, reference, agent, license, label, source, size } = entry;
  const head = { name, reference, agent, license, label, source };
  if (size === undefined) return { ...head, room: "unknown" };
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
    facts: {
      memory: size.memory,
      ...(entry.context === undefined ? {} : { trainedContext: entry.context }),
    },
    weightsBytes: size.bytes,
    budget,
  });
  const known = { ...head, bytes: size.bytes, basis: size.basis };
  if (misfit !== undefined) return { ...known, room: "none" };
  if (estimate === undefined) return { ...known, room: "unknown" };
  return {
    ...known,
    agent: agent && window.tokens >= AGENT_FLOOR,
    context: window.tokens,
    totalBytes: estimate.total,
    room: room ?? "unknown",
  };
}

/** What is partly on a GPU works, slowly. */
const ORDER: Readonly<Record<Recommendation["room"], number>> = {
  ample: 0,
  tight: 0,
  split: 1,
  unknown: 2,
  none: 3,
};

function rank({ room, agent }: Recommendation): number {
  return 2 * ORDER[room] + (agent ? 0 : 1);
}
