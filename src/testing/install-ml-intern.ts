import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** LiteLLM 1.83.0 is what the agent's own lock file had. 1.82.7, 1.82.8 and 1.107.0 were compromised. */
const PACKAGES = ["ml-intern==0.1.0", "litellm==1.83.0"];

/** The agent in a virtual environment of the cache; installed at the first call (a minute, 750 MB). */
export async function installMlIntern(): Promise<string> {
  const cache = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  const root = join(cache, "stack-test");
  const target = join(root, "ml-intern-0.1.0");
  const program = join(target, "bin", "ml-intern");
  const done = join(target, "installed");
  if (existsSync(done)) return program;
  await mkdir(root, { recursive: true });
  // Scripts carry the path of their environment, so it cannot be moved into place: a mark says that it is whole.
  await rm(target, { recursive: true, force: true });
  await run(await python(), ["-m", "venv", target]);
  await run(join(target, "bin", "pip"), ["install", "--quiet", ...PACKAGES], {
    maxBuffer: 64 * 1024 * 1024,
  });
  await run("touch", [done]);
  return program;
}

/** Python 3.11 or newer, as the agent demands, with `venv`. */
async function python(): Promise<string> {
  for (const candidate of ["python3", "python3.13", "python3.12", "python3.11"]) {
    try {
      await run(candidate, [
        "-c",
        "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))",
      ]);
      return candidate;
    } catch {
      continue;
    }
  }
  throw new Error("needs Python 3.11 or newer with venv: apt-get install python3-venv");
}
