import type { FetchOptions } from "../models/store.ts";
import type { Settings } from "../plan/settings.ts";

/** How models may be fetched, out of the settings. */
export function fetchOptions(
  settings: Pick<Settings, "insecureRegistries" | "offline" | "ca">,
): FetchOptions {
  const { insecureRegistries, offline, ca } = settings;
  return { insecureRegistries, offline, ca };
}
