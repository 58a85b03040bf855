import type { StackError } from "../../errors.ts";
import type { ModelFacts } from "../../models/model.ts";
import { AGENT_COMFORT, contextWindow, type ContextWindow } from "../context-window.ts";
import type { Settings } from "../settings.ts";
import { evenShare, repeatedOver } from "../gpu/even-share.ts";
import { type Budget, type Room, roomFor, usableBudget } from "./budget.ts";
import { type EngineMemory, engineMemory } from "./engine-memory.ts";
import { doesNotFit } from "./does-not-fit.ts";
import { namedShare } from "./named-share.ts";
import { inPlaceOf, roomForTold, shareTight, shareTooLarge, type ToldShare } from "./told-share.ts";
import { estimate, type MemoryEstimate, type ModelSize } from "./estimate.ts";
import { solveContext } from "./solve-context.ts";

/** What `up` asks before it starts an engine. */
export interface FitQuestion {
  readonly settings: Pick<
    Settings,
    "context" | "stretch" | "maxOutputTokens" | "parallel" | "kvType" | "overcommit" | "memory"
  > &
    Partial<Pick<Settings, "engineArgs">>;
  readonly engine: string;
  /** For messages. */
  readonly model: string;
  readonly facts: Pick<ModelFacts, "trainedContext" | "memory"> &
    Partial<Pick<ModelFacts, "architecture">>;
  readonly weightsBytes: number;
  readonly budget: Budget;
  /** Tokens that the running stack has: `auto` keeps them, as a little more or less memory is no reason to start anew. */
  readonly kept?: number | undefined;
}

export interface Fit {
  readonly window: ContextWindow;
  /** Of the weights, as the question has it. */
  readonly weightsBytes: number;
  /** What it was held against: as much of the question's as this engine can use. */
  readonly budget: Budget;
  /** Undefined where the model does not say enough about itself. */
  readonly estimate: MemoryEstimate | undefined;
  readonly room: Room | undefined;
  /** To be thrown before anything is started: it needs more than there is. Undefined with `overcommit`. */
  readonly misfit: StackError | undefined;
}

/** Settles the context and what it takes. What exceeds the memory is a misfit, or with `overcommit` a warning. */
export function fitContext(asked: FitQuestion): Fit {
  const engine = engineMemory(asked.engine, asked.budget.deviceFreeBytes !== undefined);
  const known = asked.facts.memory ?? undefined;
  const gpus = asked.budget.cards?.length ?? 1;
  const parts = engine.sharesEvenly ? evenShare(gpus, known) : undefined;
  const cards = parts === undefined ? undefined : asked.budget.cards?.slice(0, parts);
  const named = namedShare(asked.settings.engineArgs ?? [], engine.shareOption);
  const share = engine.shareOption === undefined ? undefined : { named };
  const budget = usableBudget(asked.budget, cards && { cards, share });
  const question: FitQuestion = { ...asked, budget };
  const { settings, facts, weightsBytes } = question;
  const shape = known && repeatedOver(parts ?? 1, known);
  const size: ModelSize | undefined = shape && {
    weightsBytes,
    architecture: facts.architecture,
    shape,
  };
  const { parallel, kvType } = settings;
  const found = chooseContext(question, size, engine);
  const auto = settings.context === "auto";
  const window = contextWindow({ ...settings, context: found.tokens }, facts, {
    by: found.by,
    auto,
  });
  const needed =
    size === undefined
      ? weightsAlone(weightsBytes)
      : estimate(size, engine, { context: window.tokens, parallel, kvType });
  const room = roomFor(needed, budget, engine);
  const told: ToldShare | undefined =
    cards !== undefined && named !== undefined && engine.shareOption !== undefined
      ? { option: engine.shareOption, named, cards }
      : undefined;
  const shareRoom = told && roomForTold(told);
  const tooLarge = shareRoom === "none" ? told : undefined;
  const instead = tooLarge === undefined ? "" : inPlaceOf(tooLarge);
  const error =
    room === "none"
      ? doesNotFit({ question, size, engine, needed, context: window.tokens, cards, instead })
      : tooLarge && shareTooLarge(tooLarge);
  const warnings = [...window.warnings, ...found.warnings];
  if (error !== undefined && settings.overcommit) {
    warnings.push(`${error.what} It is started all the same, as \`overcommit\` says.`);
  }
  if (told !== undefined && shareRoom === "tight") warnings.push(shareTight(told));
  if (size !== undefined && room === "tight") warnings.push(TIGHT);
  if (size !== undefined && room === "split") warnings.push(SPLIT);
  return {
    window: { ...window, warnings },
    weightsBytes,
    budget,
    estimate: size === undefined ? undefined : needed,
    room: size === undefined && room !== "none" ? undefined : room,
    misfit: settings.overcommit ? undefined : error,
  };
}

/** A lower bound that needs nothing but the size of the file. */
function weightsAlone(bytes: number): MemoryEstimate {
  return { weights: bytes, kv: 0, compute: 0, runtime: 0, cache: 0, total: bytes, perToken: 0 };
}

const TIGHT =
  "With a full context nearly all of the free memory is used: close other programs, or choose a smaller context.";
const SPLIT =
  "The GPU's free memory does not hold all of it: a part is computed on the processor, which is many times slower.";

interface Chosen {
  readonly tokens: number;
  readonly by: "settings" | "training" | "memory";
  readonly warnings: readonly string[];
}

function chooseContext(
  question: FitQuestion,
  size: ModelSize | undefined,
  engine: EngineMemory,
): Chosen {
  const { settings, facts, kept } = question;
  const { context, parallel, kvType } = settings;
  if (context !== "auto") return { tokens: context, by: "settings", warnings: [] };
  const trained = facts.trainedContext ?? AGENT_COMFORT;
  // What agents need is our own limit, and no model's.
  const most = facts.trainedContext === undefined ? "settings" : "training";
  if (kept !== undefined)
    return { tokens: kept, by: kept < trained ? "memory" : most, warnings: [] };
  if (size === undefined || question.budget.deviceFreeBytes === Infinity) {
    const comfort = agentComfort(trained);
    const { tokens } = comfort;
    const unknown =
      size === undefined
        ? "How much memory a token takes is not known"
        : "The GPU does not say how much of its memory is free";
    const why = `${unknown}, so \`auto\` is ${tokens} tokens.`;
    return { ...comfort, warnings: [why] };
  }
  const solved = solveContext(size, engine, question.budget, {
    parallel,
    kvType,
    limit: trained,
  });
  // Nothing fits with a margin: the smallest goes on, to be refused or warned about like any other.
  if (solved === undefined) return agentComfort(trained);
  return {
    tokens: solved.tokens,
    by: solved.limitedBy === "memory" ? "memory" : most,
    warnings: [],
  };
}

/** Where nothing can be computed, `auto` is what agents need, as far as the model was trained for it. */
function agentComfort(trained: number): Chosen {
  return trained < AGENT_COMFORT
    ? { tokens: trained, by: "training", warnings: [] }
    : { tokens: AGENT_COMFORT, by: "settings", warnings: [] };
}
