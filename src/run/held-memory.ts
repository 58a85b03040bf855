import type { ContainerFacts, Runtime } from "../docker/runtime.ts";
import { processMemory } from "../host/memory.ts";
import { LABEL } from "../plan/labels.ts";
import type { RunContext } from "../run-context.ts";
import { askDockerOf } from "./ask-docker.ts";

/** What runs under the stack's name now, and goes before the new one starts. */
export interface Replaced {
  readonly containers: readonly ContainerFacts[];
  /** Of an engine that is a process of ours. */
  readonly pid: number | undefined;
}

/** Bytes of the machine's memory that the replaced stack has of its own. What nobody tells, until `until` fires, counts as nothing. */
export async function heldMemory(
  { signal }: Pick<RunContext, "signal">,
  runtime: Runtime,
  { containers, pid }: Replaced,
  until = signal,
): Promise<number> {
  const held = await Promise.all([
    ...running(containers).map(({ id }) =>
      runtime.containers.memory(id, until).catch(() => undefined),
    ),
    ...(pid === undefined ? [] : [processMemory(pid)]),
  ]);
  signal.throwIfAborted();
  return held.reduce<number>((sum, bytes) => sum + (bytes ?? 0), 0);
}

/** What containers of a stack hold that goes when they do. */
export interface HeldByContainers {
  readonly containers: number;
  readonly ports: readonly number[];
  readonly bytes: number;
}

/**
 * Of the containers under this name, for an engine that needs none. Nothing where no daemon answers; one that can't be asked
 * although the stack is known to run in containers is an error.
 */
export async function heldByContainers(
  context: RunContext,
  name: string,
): Promise<HeldByContainers> {
  const nothing: HeldByContainers = { containers: 0, ports: [], bytes: 0 };
  return askDockerOf(context, name, nothing, async (runtime, until) => {
    const containers = await runtime.containers.list({ [LABEL.name]: name }, until);
    return {
      containers: containers.length,
      ports: portsOf(containers),
      bytes: await heldMemory(context, runtime, { containers, pid: undefined }, until),
    };
  });
}

/** Ports of this machine that they are published on. */
export function portsOf(containers: readonly ContainerFacts[]): readonly number[] {
  return containers.flatMap(({ ports }) => ports.map(({ hostPort }) => hostPort));
}

function running(containers: readonly ContainerFacts[]): readonly ContainerFacts[] {
  return containers.filter(({ state }) => state === "running");
}
