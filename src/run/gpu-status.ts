import type { Engine } from "../engines/engine.ts";
import { LABEL } from "../plan/labels.ts";
import type { RunContext } from "../run-context.ts";
import type { GpuShare } from "./gpu-share.ts";
import { engineOf, type StackParts } from "./parts.ts";

/** What `status` tells of the GPU that a stack asked for. */
export interface GpuStatus extends Pick<GpuShare, "state" | "share"> {
  /** What is wrong, and what to do. */
  readonly warning?: string;
}

/** Milliseconds: nvidia-smi takes one second where the driver sleeps between uses, and for ever where it hangs. */
const DEADLINE_MS = 2000;

/** Undefined for a stack that did not ask for a GPU: nothing of this is even loaded then. */
export async function gpuStatus(
  context: RunContext,
  parts: StackParts,
): Promise<GpuStatus | undefined> {
  const container = parts.containers.find(
    (each) => each.state === "running" && each.labels[LABEL.gpu] !== undefined,
  );
  if (container === undefined) return undefined;
  const [{ ENGINES }, { checkGpuShare, gpuShareWarning }, { reachableRuntime }] = await Promise.all(
    [import("../engines/index.ts"), import("./gpu-share.ts"), import("./ask-docker.ts")],
  );
  const runtime = await reachableRuntime(context);
  const engines: readonly Engine[] = Object.values(ENGINES);
  const engine = engines.find(({ name }) => name === engineOf(parts));
  if (runtime === undefined || engine?.kind !== "container") return undefined;
  const { endpoint } = parts;
  const question = { engine, container, endpoint, deadlineMs: DEADLINE_MS };
  const found = await checkGpuShare(context, runtime, question);
  if (found === undefined) return undefined;
  const warning = gpuShareWarning(found);
  return {
    state: found.state,
    ...(found.share === undefined ? {} : { share: found.share }),
    ...(warning === undefined ? {} : { warning }),
  };
}
