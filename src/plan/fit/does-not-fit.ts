import { StackError } from "../../errors.ts";
import { formatBytes } from "../../models/bytes.ts";
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
}

/** The error, with the sum, and what would fit: another context, another type of keys and values, or only a smaller model. */
export function doesNotFit(misfit: Misfit): StackError {
  const { question, size, needed, context } = misfit;
  const { hostFreeBytes, deviceFreeBytes } = question.budget;
  const free =
    deviceFreeBytes === undefined
      ? formatBytes(hostFreeBytes)
      : `${formatBytes(deviceFreeBytes)} of the GPU and ${formatBytes(hostFreeBytes)} of the machine`;
  const amount =
    size === undefined
      ? `at least ${formatBytes(needed.total)} of memory for its weights`
      : `about ${formatBytes(needed.total)} of memory with a context of ${context} tokens`;
  return new StackError("DOES_NOT_FIT", {
    what: `${question.model} needs ${amount}, and ${free} are free.`,
    why: sumText(needed),
    next: whatWould(misfit),
  });
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
function whatWould({ question, size, engine }: Misfit): string {
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
      return [`stack up --context ${solved.tokens}${flag}`];
    });
  return [...ways, smaller].join("\n");
}
