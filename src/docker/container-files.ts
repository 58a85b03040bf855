import type { Pack } from "tar-stream";
import { command } from "./ask.ts";
import type { ContainerFile } from "./runtime.ts";
import type { Wire } from "./wire.ts";

/**
 * Unpacks files into `directory` of a container that need not run. The root file system is read-only, so the
 * directory must be in a writable volume; the daemon mounts volumes for this even before the first start.
 */
export async function putFiles(
  wire: Wire,
  id: string,
  directory: string,
  files: readonly ContainerFile[],
  signal: AbortSignal | undefined,
): Promise<void> {
  await command(wire, `Writing into ${directory} of container ${id}`, {
    method: "PUT",
    path: `/containers/${id}/archive`,
    query: { path: directory, noOverwriteDirNonDir: true },
    archive: await tarOf(files),
    signal,
  });
}

async function tarOf(files: readonly ContainerFile[]): Promise<Pack> {
  const { pack } = await import("tar-stream");
  const archive = pack();
  for (const { path, content, mode, uid, gid } of files) {
    archive.entry({ name: path, mode, uid, gid }, content);
  }
  archive.finalize();
  return archive;
}
