import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runSealed, type SealedResult } from "./sealed-run.ts";
import { testHost } from "./test-host.ts";

/** What stderr says when a headless turn was really completed: the exit status is 0 for most failures too. */
export const TURN_COMPLETE = "--- Agent turn_complete";

/**
 * One headless turn of ml-intern against any endpoint on 127.0.0.1, on a network that has only that endpoint:
 * a shell evaluates what `stack env --agent ml-intern:pypi` printed, and starts the agent.
 * `home` is an empty one of its own, unless something was written into it on purpose.
 */
export async function mlInternTurn(options: {
  readonly program: string;
  readonly apiBase: string;
  readonly environment: string;
  readonly home?: string;
  readonly timeoutMs: number;
}): Promise<SealedResult> {
  const { program, apiBase, environment, timeoutMs } = options;
  await using box = await testHost();
  const script = join(box.home, "env.sh");
  await writeFile(script, environment, { mode: 0o600 });
  const home = options.home ?? box.home;
  return await runSealed({
    apiBase,
    command: ["sh", "-c", 'eval "$(cat "$1")"; exec "$0" "say hello"', program, script],
    env: { PATH: "/usr/local/bin:/usr/bin:/bin", HOME: home },
    cwd: home,
    timeoutMs,
  });
}
