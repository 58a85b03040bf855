import type { DaemonFacts } from "../../docker/runtime.ts";
import type { ErrorCode } from "../../errors.ts";
import type { Host } from "../../host/host.ts";
import type { Settings } from "../../plan/settings.ts";
import type { Emit } from "../../events.ts";

/** One thing that was found out. Everything that is not `ok` or `skipped` has a fix. */
export interface Finding {
  readonly status: "ok" | "warning" | "failed" | "skipped";
  /** What is so, in one sentence or less. */
  readonly summary: string;
  readonly detail?: readonly string[];
  /** The one thing to do. */
  readonly fix?: string;
  /** Of a failure: what `stack up` would end with. */
  readonly code?: ErrorCode;
}

export interface CheckWorld {
  readonly host: Host;
  readonly emit: Emit;
  readonly settings: Settings;
  /** `stack.lock`, which may not be there. */
  readonly lockFile: string;
  /** Aborted at the check's deadline. */
  readonly signal: AbortSignal;
  /** Asked once for all checks; rejects with `DOCKER_UNREACHABLE`. */
  readonly docker: () => Promise<DaemonFacts>;
}

/** One topic of `stack doctor`, as data. */
export interface Check {
  readonly id: string;
  readonly title: string;
  /** Milliseconds after which it is given up. */
  readonly deadlineMs: number;
  readonly run: (world: CheckWorld) => Promise<readonly Finding[]>;
}
