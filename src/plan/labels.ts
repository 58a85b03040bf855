/** Labels on containers, networks and volumes: they are the state, `docker ps` shows them. */
export const LABEL = {
  name: "stack.name",
  role: "stack.role",
  engine: "stack.engine",
  /** Hash of the plan that made it. */
  plan: "stack.plan",
  /** Canonical model reference. */
  model: "stack.model",
  /** On an engine: what it computes on, such as `cuda`. */
  accelerator: "stack.accelerator",
  /** Way to the GPU that was asked for, so that it need not be tried again. */
  gpu: "stack.gpu",
  /** On an engine: tokens of context that `auto` found for it, which it keeps as long as it runs. */
  foundContext: "stack.context.found",
  /** On an engine that spreads a model evenly: how it does (see `layoutText`), which is the same as long as it runs. */
  gpuLayout: "stack.gpu.layout",
  /** On a container that only looks whether a GPU can be used: the stack's name. */
  preflight: "stack.preflight",
} as const;

export type Role = "engine" | "gateway";
