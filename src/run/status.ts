import { type Endpoint, endpointOrigin } from "../endpoint.ts";
import { StackError } from "../errors.ts";
import { ask } from "../gate/ask.ts";
import { LABEL } from "../plan/labels.ts";
import { type Seal, sealOf } from "../plan/seal.ts";
import type { RunContext } from "./context.ts";
import { type GpuStatus, gpuStatus } from "./gpu-status.ts";
import { engineOf, findStacks, runningSince, type StackState, stateOf } from "./parts.ts";
import { stackFolder } from "./stack-folder.ts";

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
    /** Name of the container, or `process PID`. */
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

/** Milliseconds that the endpoint has to list its models: an engine that is busy still does within some tens. */
const ANSWER_MS = 200;

/** The state of one stack, as the daemon and the process table tell it now. `STACK_UNKNOWN` when there is none. */
export async function status(
  context: RunContext,
  options: { readonly name: string },
): Promise<StatusReport> {
  const { stacks, networks } = await findStacks(context, options.name);
  const parts = stacks[0];
  if (parts === undefined) {
    throw new StackError("STACK_UNKNOWN", {
      what: `There is no stack named ${options.name} here.`,
      next: options.name === "default" ? "stack up" : `stack up --name ${options.name}`,
    });
  }
  const { endpoint, process } = parts;
  const state = stateOf(parts);
  const [answers, gpu] =
    state === "stopped"
      ? [false, undefined]
      : await Promise.all([listsModels(context, endpoint), gpuStatus(context, parts)]);
  const since = runningSince(parts);
  const seal = sealOf(
    parts.containers.length > 0 ? "containers" : "process",
    networks.find((network) => network.internal),
  );
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
    ...(parts.containers.length > 0
      ? {}
      : { logFile: stackFolder(context.host, parts.name).logFile }),
    warnings: [
      ...(endpoint?.warnings ?? []),
      ...seal.warnings,
      ...(gpu?.warning === undefined ? [] : [gpu.warning]),
    ],
  };
}

async function listsModels(context: RunContext, endpoint: Endpoint | undefined): Promise<boolean> {
  if (endpoint === undefined) return false;
  try {
    const answer = await ask(
      { method: "GET", path: "/v1/models", read: "whole" },
      {
        origin: endpointOrigin(endpoint),
        apiKey: endpoint.apiKey,
        signal: AbortSignal.any([context.signal, AbortSignal.timeout(ANSWER_MS)]),
      },
    );
    return answer.status === 200 && answer.text.includes(endpoint.model);
  } catch (error) {
    if (context.signal.aborted) throw error;
    return false;
  }
}

function withoutKey(endpoint: Endpoint): Omit<Endpoint, "apiKey"> {
  const { apiKey, ...rest } = endpoint;
  void apiKey;
  return rest;
}
