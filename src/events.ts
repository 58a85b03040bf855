import type { ErrorCode } from "./errors.ts";
import type { Rung } from "./gate/probe.ts";

/** What long work tells while it goes on. Loggers choose the rendering: text, bars or NDJSON. */
export type StackEvent =
  | { readonly type: "plan"; readonly name: string; readonly steps: readonly PlannedStep[] }
  | { readonly type: "step-started"; readonly id: string; readonly title: string }
  | { readonly type: "step-done"; readonly id: string; readonly title: string; readonly ms: number }
  | StepFailed
  | { readonly type: "step-undone"; readonly id: string; readonly title: string }
  | Progress
  | { readonly type: "rung"; readonly rung: Rung; readonly ms: number; readonly detail?: string }
  | PhaseTold
  | { readonly type: "info"; readonly message: string }
  | { readonly type: "debug"; readonly message: string }
  | { readonly type: "warning"; readonly message: string; readonly next?: string };

export interface PlannedStep {
  readonly id: string;
  readonly title: string;
}

/** Told at once: what was started is taken back after it, and the error itself comes last. */
export interface StepFailed {
  readonly type: "step-failed";
  readonly id: string;
  readonly title: string;
  readonly ms: number;
  /** Absent for a defect of ours. */
  readonly code?: ErrorCode;
  readonly why: string;
}

/** Bytes moved by one piece of work. `id` stays the same while it goes on. */
export interface Progress {
  readonly type: "progress";
  readonly id: string;
  readonly title: string;
  readonly bytes: number;
  /** Absent while unknown. */
  readonly totalBytes?: number;
  readonly bytesPerSecond?: number;
  readonly etaSeconds?: number;
  readonly done: boolean;
}

/** What an engine does while it is waited for, as its log tells, or what it is asked. */
export interface PhaseTold {
  readonly type: "phase";
  readonly phase: string;
  readonly elapsedSeconds: number;
  /** From 0 to 1, within the phase. */
  readonly fraction?: number;
  /** Until it can answer, by earlier starts on this machine, or until it has answered, by the speed that was measured. */
  readonly etaSeconds?: number;
}

export type Emit = (event: StackEvent) => void;

/** The shape of an error in `--json` output. */
export interface ErrorReport {
  readonly code: ErrorCode;
  readonly exitCode: number;
  readonly what: string;
  readonly why?: string;
  readonly next?: string;
  readonly detail?: readonly string[];
}
