/** The ladder from "process is up" to "an agent can work", lowest first. */
export const RUNGS = ["up", "healthy", "listed", "first-token"] as const;
export type Rung = (typeof RUNGS)[number];

/** One question to the endpoint, as data. `judge` is pure. */
export interface Probe {
  readonly rung: Rung;
  readonly request: ProbeRequest;
  readonly judge: (answer: ProbeAnswer) => ProbeVerdict;
  /** Cap of one attempt, in milliseconds. The gate adds none of its own. */
  readonly attemptMs: number;
}

export interface ProbeRequest {
  readonly method: "GET" | "POST";
  /** Path below the endpoint's origin, such as `/v1/models`. */
  readonly path: string;
  readonly body?: unknown;
  /** `first-event`: resolve at the first server-sent event that carries data. */
  readonly read: "whole" | "first-event";
}

export interface ProbeAnswer {
  readonly status: number;
  readonly text: string;
}

export type ProbeVerdict =
  | { readonly kind: "ok"; readonly facts?: Readonly<Record<string, number | string | boolean>> }
  /** Not yet: ask again. */
  | { readonly kind: "wait"; readonly why: string }
  /** Asking again will not help. */
  | { readonly kind: "fatal"; readonly why: string; readonly next?: string };
