import { StackError } from "../../errors.ts";
import { formatBytes } from "../../models/bytes.ts";
import type { DeviceMemory } from "../gpu/free-bytes.ts";
import { leastShare } from "../gpu/memory-share.ts";
import { parseSize } from "../size.ts";
import type { EngineMemory } from "./engine-memory.ts";
import type { MemoryEstimate, ModelSize } from "./estimate.ts";
import type { FitQuestion } from "./fit-context.ts";
import { solveContext } from "./solve-context.ts";

interface Misfit {
  readonly question: FitQuestion;
  readonly size: ModelSize | undefined;
  readonly engine: EngineMemory;
  readonly needed: MemoryEstimate;
  readonly context: number;
  /** The GPUs that have an equal part each. */
  readonly cards: readonly DeviceMemory[] | undefined;
  /** The share that the engine has to be told in place of one that is named, for behind a `stack up`; else empty. */
  readonly instead: string;
}

/** The error, with the sum, and what would fit: another context, type of keys and values or share of a card, or only a smaller model. */
export function doesNotFit(misfit: Misfit): StackError {
  const { question, size, needed, context } = misfit;
  const there = thereIs(misfit);
  const amount =
    size === undefined
      ? `at least ${formatBytes(needed.total)} of memory for its weights`
      : `about ${formatBytes(needed.total)} of memory with a context of ${context} tokens`;
  return new StackError("DOES_NOT_FIT", {
    what: `${question.model} needs ${amount}, and ${there}.`,
    why: sumText(needed),
    next: whatWould(misfit),
  });
}

/** What a limit leaves is not called free, nor what an engine is given of a card. */
function thereIs({ question: { budget, settings }, engine }: Misfit): string {
  const { hostFreeBytes, deviceFreeBytes } = budget;
  const limited = settings.memory !== undefined && parseSize(settings.memory) === hostFreeBytes;
  const host = `${formatBytes(hostFreeBytes)}${deviceFreeBytes === undefined ? "" : " of the machine"}`;
  const hostThere = limited
    ? `${formatBytes(hostFreeBytes)} are allowed by \`memory\``
    : `${host} are free`;
  if (deviceFreeBytes === undefined) return hostThere;
  const gpu = `${formatBytes(deviceFreeBytes)} of the GPU`;
  if (engine.sharesEvenly) return `${gpu} can be given to it and ${hostThere}`;
  return limited ? `${gpu} are free and ${hostThere}` : `${gpu} and ${hostThere}`;
}

function sumText({ weights, kv, compute, runtime, cache }: MemoryEstimate): string {
  const parts = [
    ["weights", weights],
    ["keys and values", kv],
    ["buffers", compute],
    ["the engine itself", runtime],
    ["kept prompts", cache],
  ] as const;
  return `${parts
    .filter(([, bytes]) => bytes > 0)
    .map(([name, bytes]) => `${name} ${formatBytes(bytes)}`)
    .join(", ")}.`;
}

/** The commands, best first, one on a line; the last, which is there always, is about smaller models. */
function whatWould(misfit: Misfit): string {
  const { question, size, engine, instead } = misfit;
  const smaller = "stack models recommend";
  if (size === undefined) return smaller;
  const { settings, budget, facts } = question;
  const limit = settings.context === "auto" ? (facts.trainedContext ?? 32_768) : settings.context;
  const ways = engine.kvTypes
    .filter((kvType) => kvType === settings.kvType || kvType !== "f16")
    .flatMap((kvType) => {
      const how = { kvType, parallel: settings.parallel, limit };
      const solved = solveContext(size, engine, budget, how);
      if (solved === undefined) return [];
      const flag = kvType === settings.kvType ? "" : ` --kv-type ${kvType}`;
      return [`stack up --context ${solved.tokens}${flag}${instead}`];
    });
  return [...ways, ...aLargerShare(misfit), smaller].join("\n");
}

/** Where it is free, and only more than the engine is told to take. */
function aLargerShare({ engine, needed, cards = [], question }: Misfit): readonly string[] {
  const onHost = needed.runtime + needed.cache;
  const least = leastShare(cards, (needed.total - onHost) / cards.length);
  const lacking = onHost > question.budget.hostFreeBytes;
  if (engine.shareOption === undefined || least === undefined || lacking) return [];
  return [`stack up -- ${engine.shareOption} ${least}`];
}
