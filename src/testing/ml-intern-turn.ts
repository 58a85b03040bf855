import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { renderEnvironment } from "../agents/shell.ts";
import type { Endpoint } from "../endpoint.ts";
import { emitAgent } from "../run/agent-config.ts";
import { agentEnvironment } from "../run/agent-env.ts";
import { writeAgentConfig } from "../run/agent-files.ts";
import { runSealed, type SealedResult } from "./sealed-run.ts";
import { testHost } from "./test-host.ts";

/** What stderr says when a headless turn was really completed: the exit status is 0 for most failures too. */
export const TURN_COMPLETE = "--- Agent turn_complete";

/**
 * One headless turn of ml-intern 0.1.0 against any endpoint on 127.0.0.1: in an empty home, on a network that has only
 * that endpoint, with what `stack env --agent ml-intern:pypi` prints, evaluated by a shell.
 * With `written`, `stack config ml-intern:pypi --write` has gone before and the variable that replaces it is unset.
 */
export async function mlInternTurn(options: {
  readonly program: string;
  readonly endpoint: Endpoint;
  readonly timeoutMs: number;
  readonly written?: boolean;
}): Promise<SealedResult> {
  const { program, endpoint, timeoutMs, written = false } = options;
  await using box = await testHost();
  const emitted = emitAgent(box.host, "ml-intern:pypi", endpoint);
  const script = renderEnvironment(await agentEnvironment(box.host, emitted), "sh");
  await writeFile(join(box.home, "env.sh"), script, { mode: 0o600 });
  if (written) await writeAgentConfig(box.host, emitted, { dryRun: false });
  const unset = written ? "unset ML_INTERN_CLI_CONFIG;" : "";
  return await runSealed({
    apiBase: endpoint.apiBase,
    command: ["sh", "-c", `eval "$(cat env.sh)"; ${unset} exec "$0" "say hello"`, program],
    env: { PATH: "/usr/local/bin:/usr/bin:/bin", HOME: box.home },
    cwd: box.home,
    timeoutMs,
  });
}
