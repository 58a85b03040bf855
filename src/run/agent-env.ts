import { delimiter } from "node:path";
import type { Host } from "../host/host.ts";
import {
  editFile,
  fileChanges,
  readTextFile,
  supportCopy,
  type EmittedAgent,
} from "./agent-config.ts";
import { writeOurs } from "./agent-files.ts";

/**
 * Everything that an agent needs, as variables. Files that a variable can point to are written into the stack's
 * folder (mode 0600), on top of what the user has set in his own, so that the environment alone is enough.
 */
export async function agentEnvironment(
  host: Host,
  { config, supportDir }: EmittedAgent,
): Promise<Readonly<Record<string, string>>> {
  const env: Record<string, string> = { ...config.env };
  const ours = config.files.filter((file) => file.owner === "ours");
  for (const change of await fileChanges(ours)) await writeOurs(change);
  for (const file of config.files) {
    if (file.variable === undefined) continue;
    const path = supportCopy(supportDir, file);
    const after = editFile(file, await readTextFile(file.path));
    const before = await readTextFile(path);
    await writeOurs({ file: { ...file, path }, before, after }, 0o600);
    env[file.variable] = path;
  }
  for (const [name, folder] of Object.entries(config.searchPaths)) {
    const others = (host.env[name] ?? "").split(delimiter).filter((entry) => entry !== "");
    env[name] = [folder, ...others.filter((entry) => entry !== folder)].join(delimiter);
  }
  return env;
}
