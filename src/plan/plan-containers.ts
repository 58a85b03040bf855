import type { Plan, Step } from "./plan.ts";

/** What is wanted of a stack whose engine runs in a container. */
export interface DesiredContainers {
  readonly name: string;
  readonly engine: string;
  readonly model: string;
  readonly images: { readonly engine: string; readonly gateway: string };
  readonly networks: { readonly sealed: string; readonly outer: string };
  /** Hash of everything that goes into the containers; undefined while model or images are not here. */
  readonly hash: string | undefined;
  /** What runs is to be replaced even when it is as it should be. */
  readonly anew: boolean;
}

export interface ObservedContainers {
  readonly modelStored: boolean;
  /** Whether an image has to be pulled, by policy or because it is not here. */
  readonly pull: { readonly engine: boolean; readonly gateway: boolean };
  readonly containers: readonly { readonly running: boolean; readonly hash: string | undefined }[];
  readonly networks: readonly string[];
  readonly endpointKnown: boolean;
  /** An embedded engine that runs under this name. */
  readonly processRuns: boolean;
}

/** Engine and gateway: a stack has these two containers. */
const CONTAINERS_OF_A_STACK = 2;

/** Only what is missing. */
export function planContainers(desired: DesiredContainers, observed: ObservedContainers): Plan {
  const steps: Step[] = [];
  for (const role of ["engine", "gateway"] as const) {
    if (observed.pull[role]) steps.push({ kind: "image", role, reference: desired.images[role] });
  }
  if (!observed.modelStored) steps.push({ kind: "model", reference: desired.model });

  const why = observed.processRuns ? "another engine" : staleness(desired, observed);
  const current = why === undefined && observed.containers.length === CONTAINERS_OF_A_STACK;
  if (why !== undefined) steps.push({ kind: "clear", why });
  if (!current) {
    const networks = (["sealed", "outer"] as const)
      .map((role) => ({ role, name: desired.networks[role] }))
      // Clearing removes the networks too.
      .filter(({ name }) => why !== undefined || !observed.networks.includes(name));
    if (networks.length > 0) steps.push({ kind: "networks", networks });
    steps.push({ kind: "containers", engine: desired.engine });
  }
  if (!current || !observed.endpointKnown) steps.push({ kind: "gate", engine: desired.engine });
  return { name: desired.name, engine: desired.engine, model: desired.model, steps };
}

/** Why what is there cannot stay; undefined when it can, or when nothing is there. */
function staleness(desired: DesiredContainers, observed: ObservedContainers): string | undefined {
  if (observed.containers.length === 0) return undefined;
  if (desired.anew) return "restart";
  if (observed.containers.some((container) => container.hash !== desired.hash)) {
    return "other settings";
  }
  if (observed.containers.some((container) => !container.running)) return "it has stopped";
  if (observed.containers.length < CONTAINERS_OF_A_STACK) return "a part of it is gone";
  return undefined;
}
