import type { RunContext } from "../run-context.ts";

/** What was begun and must be taken back unless all of it succeeds. */
export interface UndoList {
  /** `undo` gets a signal of its own: that of the command has already fired when it is needed. */
  add(title: string, undo: (signal: AbortSignal) => Promise<void>): void;
  /** What was begun by now stays, whatever comes: what it took the place of is there no more. */
  commit(): void;
  /** Whether that was called. */
  readonly committed: boolean;
  /** Takes back everything since, last first. Goes on past failures: each is emitted as a warning. */
  rollBack(): Promise<void>;
}

/** Milliseconds that one undoing may take: a container is removed by force within a second or two. */
const UNDO_TIMEOUT_MS = 20_000;

export function createUndoList(context: RunContext): UndoList {
  const entries: {
    readonly title: string;
    readonly undo: (signal: AbortSignal) => Promise<void>;
  }[] = [];
  let committed = false;
  return {
    commit: () => {
      committed = true;
      entries.length = 0;
    },
    get committed() {
      return committed;
    },
    add: (title, undo) => {
      entries.push({ title, undo });
    },
    rollBack: async () => {
      for (;;) {
        const entry = entries.pop();
        if (entry === undefined) return;
        try {
          await entry.undo(AbortSignal.timeout(UNDO_TIMEOUT_MS));
          context.emit({ type: "step-undone", id: "undo", title: entry.title });
        } catch (error) {
          const reason = error instanceof Error ? error.message : String(error);
          context.emit({ type: "warning", message: `could not undo "${entry.title}": ${reason}` });
        }
      }
    },
  };
}
