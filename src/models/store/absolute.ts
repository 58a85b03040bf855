import { isAbsolute, join, resolve } from "node:path";
import type { Host } from "../../host/host.ts";
import type { ModelReference } from "../model.ts";

/** The reference with an absolute path, if it is a file: `~/` and relative paths mean something only here. */
export function absoluteReference(
  { cwd, paths }: Pick<Host, "cwd" | "paths">,
  reference: ModelReference,
): ModelReference {
  if (reference.scheme !== "file") return reference;
  const { path } = reference;
  if (path === "~" || path.startsWith("~/")) {
    return { scheme: "file", path: join(paths.home, path.slice(1)) };
  }
  return isAbsolute(path) ? reference : { scheme: "file", path: resolve(cwd, path) };
}
