import type { Accelerator } from "../engines/engine.ts";
import { findEngine } from "../engines/index.ts";
import { gpuFacts } from "../host/gpu-facts.ts";
import { CATALOG, type CatalogEntry } from "../models/catalog.ts";
import { formatReadBy } from "../models/formats.ts";
import type { Budget } from "../plan/fit/budget.ts";
import { machineBudget, mayUseGpus } from "../plan/fit/machine-budget.ts";
import { recommend, type Recommendation } from "../plan/fit/recommend.ts";
import { parseGpuPolicy } from "../plan/gpu/policy.ts";
import type { Settings } from "../plan/settings.ts";
import type { RunContext } from "../run-context.ts";
import { engineAccelerators } from "./gpu.ts";
import { processBudget } from "./stack-fit.ts";

export interface RecommendedModels extends Budget {
  readonly engine: string;
  /** Whether the GPUs of this machine were looked at. */
  readonly gpusCounted: boolean;
  readonly models: readonly Recommendation[];
}

/** Of a server that is adopted, it is not known what it computes on. */
const ANY: readonly Accelerator[] = ["cuda", "rocm", "vulkan"];

/** The catalog against what is free on this machine now, where the engine may use GPUs also on those. */
export async function recommendModels(
  { host, signal }: RunContext,
  settings: Pick<Settings, "engine" | "gpu">,
  root?: string,
): Promise<RecommendedModels> {
  const policy = parseGpuPolicy(settings.gpu);
  const engine = findEngine(settings.engine);
  const gpusCounted = engine !== undefined && mayUseGpus(engine, policy);
  const own = await processBudget(0);
  const look = { signal, ...(root === undefined ? {} : { root }) };
  const budget = gpusCounted
    ? machineBudget(
        own.hostFreeBytes,
        { policy, accelerators: engine.kind === "container" ? engineAccelerators(engine) : ANY },
        await gpuFacts(host, look),
      )
    : own;
  const models = recommend(loadable(settings.engine), settings.engine, budget);
  return { engine: settings.engine, gpusCounted, ...budget, models };
}

/** Of the catalog, what is there in the form that the engine reads, and made for it. A server that is adopted has GGUFs of its own. */
function loadable(engine: string): readonly CatalogEntry[] {
  const wanted = formatReadBy(engine);
  return CATALOG.filter(
    ({ format = "gguf", engines = [engine] }) =>
      format === (wanted ?? "gguf") && (wanted === undefined || engines.includes(engine)),
  );
}
