import { execFile, execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const PACKAGE = "openai>=2,<4";

/** Why the Python client cannot be a judge here; undefined when it can. */
export function whyNoPython(): string | undefined {
  try {
    execFileSync("python3", ["-c", "import ensurepip, sys; sys.exit(sys.version_info < (3, 9))"], {
      stdio: "ignore",
    });
    return undefined;
  } catch {
    return "needs python3 3.9 or newer with venv";
  }
}

/** A Python in whose environment OpenAI's client is installed, once, in the cache. */
export async function pythonWithOpenai(): Promise<string> {
  const cache = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  const target = join(cache, "stack-test", "python-openai");
  const done = join(target, "installed");
  const python = join(target, "bin", "python");
  if (existsSync(done)) return python;
  await mkdir(join(cache, "stack-test"), { recursive: true });
  // Scripts carry the path of their environment, so it cannot be moved into place: a mark says that it is whole.
  await rm(target, { recursive: true, force: true });
  await run("python3", ["-m", "venv", target]);
  await run(python, ["-m", "pip", "install", "--quiet", PACKAGE], { maxBuffer: 1 << 24 });
  await writeFile(done, PACKAGE);
  return python;
}
