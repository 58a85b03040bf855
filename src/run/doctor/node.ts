import { version } from "node:process";
import type { Check, Finding } from "./check.ts";

/** First Node that runs this code as it is: types are stripped without a flag, and the code cache keeps the result. */
const NEEDED = 24;

export const nodeCheck: Check = {
  id: "node",
  title: "Node",
  deadlineMs: 1000,
  run: async () => [nodeFinding(version)],
};

/** `version` as Node writes it: `v24.1.0`. */
export function nodeFinding(nodeVersion: string): Finding {
  const major = Number(/^v(\d+)\./.exec(nodeVersion)?.[1] ?? 0);
  if (major >= NEEDED) return { status: "ok", summary: nodeVersion };
  return {
    status: "warning",
    summary: `${nodeVersion} is older than this program is written for (${NEEDED})`,
    fix: "call it through pnpm, which brings its own Node: pnpm stack doctor",
  };
}
