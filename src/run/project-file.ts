import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Host } from "../host/host.ts";

/**
 * The `stack.yaml` nearest above a folder, the working folder if none is named, up to the root of its git checkout or to home,
 * whichever comes first. Outside of both only the folder itself is looked at: a file that
 * someone else left in `/tmp` is nobody's project.
 */
export function findProjectFile(host: Host, from = host.cwd): string | undefined {
  const folders = ancestors(from);
  const root = folders.findIndex(
    (folder) => folder === host.paths.home || existsSync(join(folder, ".git")),
  );
  return folders
    .slice(0, Math.max(root, 0) + 1)
    .map((folder) => join(folder, "stack.yaml"))
    .find((file) => existsSync(file));
}

function ancestors(folder: string): readonly string[] {
  const parent = dirname(folder);
  return parent === folder ? [folder] : [folder, ...ancestors(parent)];
}
