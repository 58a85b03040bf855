import { StackError } from "../errors.ts";
import { hostMemory } from "../host/memory.ts";
import { catalogEntry } from "../models/catalog.ts";
import { READERS } from "../models/formats.ts";
import type { StoredModel } from "../models/model.ts";
import type { Budget } from "../plan/fit/budget.ts";
import { engineMemory } from "../plan/fit/engine-memory.ts";
import { type Fit, fitContext, type FitQuestion } from "../plan/fit/fit-context.ts";
import type { Settings } from "../plan/settings.ts";

/** The sum that `up` shows, in bytes. */
export interface FitReport {
  /** Tokens of one conversation, and what decided about them. */
  readonly context: number;
  readonly limitedBy: Fit["window"]["limitedBy"];
  readonly parallel: number;
  readonly kvType: Settings["kvType"];
  /** Absent where the model does not say enough about itself, or too little is known before it is fetched. */
  readonly needed?: NonNullable<Fit["estimate"]>;
  /** Of the weights alone, where no more is known. */
  readonly weightsBytes?: number;
  readonly free: Budget;
  readonly room?: NonNullable<Fit["room"]>;
  /** What `up` would warn of. */
  readonly warnings: readonly string[];
}

export interface StackFitInput {
  readonly settings: Settings;
  readonly engine: string;
  /** Canonical reference. */
  readonly reference: string;
  readonly budget: Budget;
  /** Tokens that `auto` found for what runs, where that is asked for again. */
  readonly kept: number | undefined;
}

export interface StackFit {
  readonly of: (model: Pick<StoredModel, "facts" | "weights">) => Fit;
  /** Of a model that is not here yet. */
  readonly ofSize: (model: Pick<FitQuestion, "facts" | "weightsBytes">) => Fit;
  readonly report: (fit: Fit) => FitReport;
}

/** What both kinds of stacks ask about memory: the question with everything that does not depend on the model. */
export function stackFit({ settings, engine, reference, budget, kept }: StackFitInput): StackFit {
  requireKvType(engine, settings.kvType);
  requireLoadable(engine, reference);
  const ask = (model: Pick<FitQuestion, "facts" | "weightsBytes">): Fit =>
    fitContext({
      settings,
      engine,
      model: reference,
      budget,
      kept,
      ...model,
    });
  return {
    of: ({ facts, weights }) => ask({ facts, weightsBytes: weights.bytes }),
    ofSize: ask,
    report: ({ window, estimate, weightsBytes, budget, room }) => ({
      context: window.tokens,
      limitedBy: window.limitedBy,
      parallel: settings.parallel,
      kvType: settings.kvType,
      ...(estimate === undefined ? { weightsBytes } : { needed: estimate }),
      free: isFinite(budget.deviceFreeBytes ?? 0)
        ? budget
        : { hostFreeBytes: budget.hostFreeBytes },
      ...(room === undefined ? {} : { room }),
      warnings: window.warnings,
    }),
  };
}

/** `USAGE` for a type that this engine does not keep: it would take no notice, and the estimate would be wrong. */
function requireKvType(engine: string, kvType: Settings["kvType"]): void {
  const { kvTypes } = engineMemory(engine);
  if (kvTypes.some((each) => each === kvType)) return;
  throw new StackError("USAGE", {
    what: `${engine} does not keep keys and values as ${kvType}.`,
    why: `It keeps them as ${kvTypes.join(", ")}.`,
    next: `stack up ${engine} --kv-type ${kvTypes[0] ?? "f16"}`,
  });
}

/** `USAGE` for a file that this engine is known not to load: gigabytes would be fetched in vain. */
function requireLoadable(engine: string, reference: string): void {
  const entry = catalogEntry(reference);
  if (entry === undefined) return;
  const { name, format = "gguf", engines = READERS[format] } = entry;
  if (engines.includes(engine)) return;
  throw new StackError("USAGE", {
    what: `${engine} can't load the weights of ${name}.`,
    why: `They are for ${engines.join(", ")} alone; a GGUF of the same model on the Hub (hf:ORG/REPO) may be for all.`,
    next: `stack up ${engines[0] ?? engine} --model ${name}`,
  });
}

/** For a process of ours: what the machine and our control group have left, and the bytes that are held by what it would replace. */
export async function processBudget(heldBytes: number): Promise<Budget> {
  const { freeBytes, groupFreeBytes } = await hostMemory();
  return { hostFreeBytes: Math.min(freeBytes, groupFreeBytes ?? freeBytes) + heldBytes };
}
