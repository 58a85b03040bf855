import type { ErrorCode } from "../errors.ts";

/** The ladder from "process is up" to "an agent can work", lowest first. */
export const RUNGS = ["up", "healthy", "listed", "first-token", "tools", "context"] as const;
export type Rung = (typeof RUNGS)[number];

/** One question to the endpoint, as data. `judge` is pure. */
export interface Probe {
  readonly rung: Rung;
  /** What is waited for, in a few words, where that can be long: `reading 8183 tokens`. */
  readonly title?: string;
  /** Milliseconds that it will take, by what was measured before. */
  readonly expectedMs?: number | undefined;
  readonly request: ProbeRequest;
  readonly judge: (answer: ProbeAnswer) => ProbeVerdict;
  /** Cap of one attempt, in milliseconds. The gate adds none of its own. */
  readonly attemptMs: number;
  /** What an attempt that ran out of its time means; without it the gate asks again. */
  readonly timedOut?: ProbeVerdict;
}

/** A question that depends on what the ones before it found; undefined when it need not be asked. Pure. */
export type LateProbe = (found: Found) => Probe | undefined;

export interface Found {
  readonly facts: GateFacts;
  /** Milliseconds that are left for the whole ladder. */
  readonly remainingMs: number;
}

/** What the probes found out, merged: `contextLength` and the like. */
export type GateFacts = Readonly<Record<string, number | string | boolean>>;

export interface ProbeRequest {
  readonly method: "GET" | "POST";
  /** Path below the endpoint's origin, such as `/v1/models`. */
  readonly path: string;
  readonly body?: unknown;
  /** `restMs`: milliseconds after the first server-sent event with data in which the stream must end, or the rest is left. */
  readonly read: "whole" | { readonly restMs: number };
}

export interface ProbeAnswer {
  readonly status: number;
  readonly text: string;
  /** Milliseconds from the question to the end of what was read. */
  readonly ms?: number;
  /** Milliseconds to the first server-sent event that carries data, where there was one. */
  readonly firstEventMs?: number;
}

export type ProbeVerdict =
  | { readonly kind: "ok"; readonly facts?: GateFacts }
  /** Not yet: ask again. */
  | { readonly kind: "wait"; readonly why: string }
  /** Asking again will not help. */
  | {
      readonly kind: "fatal";
      /** `NOT_READY` unless given. */
      readonly code?: ErrorCode;
      readonly why: string;
      readonly next?: string;
    };
