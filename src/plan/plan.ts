import { unreachable } from "../errors.ts";

/** One thing to be done. The executor knows how; the plan says what, and prints. */
export type Step =
  | { readonly kind: "image"; readonly role: "engine" | "gateway"; readonly reference: string }
  | { readonly kind: "model"; readonly reference: string }
  | { readonly kind: "clear"; readonly why: string }
  | { readonly kind: "networks"; readonly networks: readonly NetworkName[] }
  | { readonly kind: "containers"; readonly engine: string }
  | { readonly kind: "process"; readonly engine: string }
  | {
      readonly kind: "load";
      readonly engine: string;
      readonly model: string;
      /** Tokens of one conversation. */
      readonly context: number;
      /** Ids of instances of the model that are too small, with their context, and go first. */
      readonly unload: readonly { readonly id: string; readonly context: number | undefined }[];
    }
  | { readonly kind: "gate"; readonly engine: string };

export interface NetworkName {
  readonly role: "sealed" | "outer";
  readonly name: string;
}

/** Ordered steps, computed before anything is done. No step: what is wanted runs already. */
export interface Plan {
  readonly name: string;
  readonly engine: string;
  readonly model: string;
  readonly steps: readonly Step[];
}

/** Stable id of a step, the same in `--dry-run` and in what is then done. */
export function stepId(step: Step): string {
  return step.kind === "image" ? `image:${step.role}` : step.kind;
}

/** One line for people. */
export function stepTitle(step: Step): string {
  switch (step.kind) {
    case "image":
      return `Pull the ${step.role}'s image ${step.reference}`;
    case "model":
      return `Fetch the model ${step.reference}`;
    case "clear":
      return `Remove what ran before (${step.why})`;
    case "networks":
      return `Create ${step.networks.map(({ name }) => name).join(" and ")}`;
    case "containers":
      return `Start ${step.engine} and its gateway`;
    case "process":
      return `Start the ${step.engine} engine`;
    case "load": {
      const smaller = step.unload.map(({ context }) => context ?? "unknown").join(", ");
      const instead = step.unload.length === 0 ? "" : `, in place of the one with ${smaller}`;
      return `Load ${step.model} with ${step.context} tokens of context in ${step.engine}${instead}`;
    }
    case "gate":
      return `Wait until ${step.engine} can answer`;
    default:
      return unreachable(step);
  }
}
