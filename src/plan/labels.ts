/** Labels on containers, networks and volumes: they are the state, `docker ps` shows them. */
export const LABEL = {
  name: "stack.name",
  role: "stack.role",
  engine: "stack.engine",
  /** Hash of the plan that made it. */
  plan: "stack.plan",
  /** Canonical model reference. */
  model: "stack.model",
} as const;

export type Role = "engine" | "gateway";
