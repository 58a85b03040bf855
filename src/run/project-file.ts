import { access } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Host } from "../host/host.ts";

/**
 * The `stack.yaml` nearest above the working folder, up to the root of its git checkout or to home,
 * whichever comes first. Outside of both only the working folder itself is looked at: a file that
 * someone else left in `/tmp` is nobody's project.
 */
export async function findProjectFile(host: Host): Promise<string | undefined> {
  const folders = ancestors(host.cwd);
  const roots = await Promise.all(
    folders.map(
      async (folder) => folder === host.paths.home || (await exists(join(folder, ".git"))),
    ),
  );
  const root = roots.indexOf(true);
  for (const folder of folders.slice(0, Math.max(root, 0) + 1)) {
    const file = join(folder, "stack.yaml");
    if (await exists(file)) return file;
  }
  return undefined;
}

function ancestors(folder: string): readonly string[] {
  const parent = dirname(folder);
  return parent === folder ? [folder] : [folder, ...ancestors(parent)];
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
