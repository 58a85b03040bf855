import type { Host } from "../host/host.ts";
import type { ResolvedSettings } from "../plan/settings.ts";
import { stackFolder } from "../run/stack-folder.ts";
import type { UpResult } from "../run/up.ts";

/** The file that holds the key of what came up: ours, or for a server that was adopted the one that the user named. */
export function keyFileOf(
  host: Host,
  { values }: ResolvedSettings,
  { name, endpoint }: UpResult,
): string | undefined {
  return endpoint?.adopted === true ? values.keyFile : stackFolder(host, name).keyFile;
}
