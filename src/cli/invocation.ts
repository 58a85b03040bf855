import { basename, relative } from "node:path";
import { COMMANDS } from "./commands/index.ts";

/** How this process was called: what to print in front of the next command, and where the user is. */
export interface Invocation {
  readonly stack: string;
  /** `stack`, with the package manager's own chatter off: for command substitution. */
  readonly quiet: string;
  readonly cwd: string;
}

/**
 * pnpm and npm run scripts from the package's folder, and keep the user's in INIT_CWD.
 * A pnpm that npx fetched lives below `_npx/`: then there is none on the PATH to name.
 */
export function detectInvocation(
  env: Readonly<Record<string, string | undefined>>,
  cwd: string,
  script: string,
): Invocation {
  if (env["npm_lifecycle_event"] === "stack" && env["npm_package_name"] === "stack") {
    const userCwd = env["INIT_CWD"] ?? cwd;
    if (!env["npm_config_user_agent"]?.startsWith("pnpm/")) {
      return { stack: "npm run stack --", quiet: "npm run --silent stack --", cwd: userCwd };
    }
    const pnpm = /[\\/]_npx[\\/]/.test(env["npm_execpath"] ?? "") ? "npx -y pnpm@12" : "pnpm";
    return { stack: `${pnpm} stack`, quiet: `${pnpm} --silent stack`, cwd: userCwd };
  }
  const direct = basename(script) === "stack" ? "stack" : `node ${relative(cwd, script)}`;
  return { stack: direct, quiet: direct, cwd };
}

const FIRST_WORDS = [...new Set(Object.keys(COMMANDS).map((name) => name.split(" ")[0]))];
const CALL = new RegExp(
  String.raw`(?<![\w./-])stack (?=(?:${FIRST_WORDS.join("|")}|--help)\b)`,
  "g",
);

/** Puts the caller's way of writing `stack` in front of every command that a sentence names. */
export function localise(text: string, stack: string): string {
  return text.replaceAll(CALL, () => `${stack} `);
}
