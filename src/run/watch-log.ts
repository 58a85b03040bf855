import type { ContainerEngine, ProcessEngine } from "../engines/engine.ts";
import type { RunContext } from "../run-context.ts";
import { engineFailure, SEARCHED } from "./engine-failure.ts";
import type { Narration } from "./narrate.ts";

/** Milliseconds in which the rest of what an engine writes as it gives up is here. */
const REST_MS = 300;

export interface LogWatch {
  readonly engine: Pick<ContainerEngine | ProcessEngine, "title" | "givesUp">;
  readonly follow: Narration["follow"];
  /** Whether the kernel has killed a process of it; absent where nobody can tell. */
  readonly outOfMemory?: (() => Promise<boolean>) | undefined;
}

/**
 * Rejects with the failure when the engine's log says that it gives up, else with the signal. Some live on for long after
 * that (vLLM 0.32.0: 14 s), so that the end of the process would tell it too late.
 */
export async function watchLog(
  { host }: Pick<RunContext, "host">,
  { engine: { title, givesUp }, follow, outOfMemory }: LogWatch,
  signal: AbortSignal,
): Promise<never> {
  signal.throwIfAborted();
  const over = Promise.withResolvers<never>();
  signal.addEventListener("abort", () => over.reject(signal.reason), { once: true });
  if (givesUp !== undefined) {
    const lines: string[] = [];
    const tell = async (): Promise<void> => {
      const [killed = false] = await Promise.all([
        outOfMemory?.(),
        host.clock.sleep(REST_MS, signal),
      ]);
      const what = `${title} gave up while it was waited for.`;
      over.reject(engineFailure({ what, lines, outOfMemory: killed }));
    };
    let heard = false;
    const onLine = (line: string): void => {
      lines.push(line);
      if (lines.length > SEARCHED) lines.shift();
      if (heard || !givesUp.test(line)) return;
      heard = true;
      tell().catch(over.reject);
    };
    // A log that cannot be read fails nothing: the end of the process is noticed, too.
    follow(onLine, signal).catch(() => {});
  }
  return over.promise;
}
