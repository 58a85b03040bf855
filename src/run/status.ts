import type { NetworkFacts } from "../docker/runtime.ts";
import type { Endpoint } from "../endpoint.ts";
import { LABEL } from "../plan/labels.ts";
import { namingStack } from "../plan/same-stack.ts";
import { adoptedSeal, type Seal, sealOf, unseenSeal } from "../plan/seal.ts";
import type { RunContext } from "../run-context.ts";
import { askForModel, type ModelAnswer } from "./list-models.ts";
import { type GpuStatus, gpuStatus } from "./gpu-status.ts";
import {
  engineOf,
  findStacks,
  runningSince,
  type StackParts,
  type StackState,
  stateOf,
  warnUnanswered,
} from "./parts.ts";
import { stackFolder, unknownStack } from "./stack-folder.ts";

export interface StatusReport {
  readonly name: string;
  readonly state: StackState;
  /** Whether the endpoint listed its models just now. */
  readonly answers: boolean;
  readonly engine: string;
  /** What clients need, without the key. Absent when the stack was begun elsewhere or not to its end. */
  readonly endpoint?: Omit<Endpoint, "apiKey">;
  readonly since?: string;
  readonly parts: readonly {
    readonly role: string;
    /** Name of the container, `process PID`, or the address of a server that is not ours. */
    readonly what: string;
    readonly state: string;
    readonly exitCode?: number;
    readonly oomKilled?: boolean;
  }[];
  readonly seal: Seal;
  /** Of a stack that asked for a GPU: whether the model is there. */
  readonly gpu?: GpuStatus;
  /** File with the log of an embedded engine; `stack logs` shows either kind. */
  readonly logFile?: string;
  readonly warnings: readonly string[];
}

/** Ollama goes on when the process with its model is killed, and starts another. */
const STARVED =
  "Since it came up, the kernel has killed a process of it for want of memory: allow more with --memory, or take a smaller --context.";

/** The state of one stack, as the daemon and the process table tell it now. `STACK_UNKNOWN` when there is none. */
export async function status(
  context: RunContext,
  options: { readonly name: string },
): Promise<StatusReport> {
  const found = await findStacks(context, options.name);
  warnUnanswered(context, found);
  const parts = found.stacks[0];
  if (parts === undefined) throw unknownStack(options.name);
  const { endpoint, process, adopted } = parts;
  const state = stateOf(parts);
  const [said, gpu] =
    state === "stopped" || adopted !== undefined
      ? ["silent" as const, undefined]
      : await Promise.all([askForModel(context, endpoint), gpuStatus(context, parts)]);
  const says = adopted?.says ?? said;
  const answers = says === "listed";
  const since = runningSince(parts);
  const seal = sealNow(parts, found.networks);
  return {
    name: parts.name,
    state,
    answers,
    engine: engineOf(parts),
    ...(endpoint === undefined ? {} : { endpoint: withoutKey(endpoint) }),
    ...(since === undefined ? {} : { since }),
    parts: [
      ...(process === undefined
        ? []
        : [{ role: "engine", what: `process ${process.pid}`, state: "running" }]),
      ...(adopted === undefined
        ? []
        : [{ role: "engine", what: endpoint?.apiBase ?? "", state: "adopted, not ours" }]),
      ...parts.containers.map((each) => ({
        role: each.labels[LABEL.role] ?? "?",
        what: each.name,
        state: each.state,
        ...(each.state === "running" || each.exitCode === undefined
          ? {}
          : { exitCode: each.exitCode }),
        ...(each.oomKilled ? { oomKilled: true } : {}),
      })),
    ],
    seal,
    ...(gpu === undefined ? {} : { gpu }),
    ...(parts.runsIn === "process"
      ? { logFile: stackFolder(context.host, parts.name).logFile }
      : {}),
    warnings: [
      ...(endpoint?.warnings ?? []),
      ...seal.warnings,
      ...(adopted === undefined ? [] : lost(parts.endpoint, says)),
      ...(parts.containers.some((each) => each.oomKilled && each.state === "running")
        ? [STARVED]
        : []),
      ...(gpu?.warning === undefined ? [] : [gpu.warning]),
    ].map((warning) => namingStack(warning, parts.name)),
  };
}

function sealNow(parts: StackParts, networks: readonly NetworkFacts[]): Seal {
  const { runsIn, seen, containers } = parts;
  if (runsIn === "adopted") return adoptedSeal();
  if (!seen) return unseenSeal();
  const seal = sealOf(
    runsIn,
    networks.find((network) => network.internal),
  );
  // Where no container is left there is nothing to warn of.
  return runsIn === "containers" && containers.length === 0 ? { ...seal, warnings: [] } : seal;
}

/** What an adopted server has no more, that it had when it was adopted. */
function lost(endpoint: Endpoint | undefined, says: ModelAnswer): readonly string[] {
  const { engine, model, apiBase } = endpoint ?? {};
  if (says === "refused") {
    return [`${apiBase} refuses the key now: stack up ${engine} --key-file FILE takes another.`];
  }
  if (says === "unlisted") return [`${apiBase} no longer lists ${model}.`];
  return [];
}

function withoutKey(endpoint: Endpoint): Omit<Endpoint, "apiKey"> {
  const { apiKey, ...rest } = endpoint;
  void apiKey;
  return rest;
}
