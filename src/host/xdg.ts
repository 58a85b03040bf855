import { join } from "node:path";
import type { Paths } from "./host.ts";

/** XDG base directories (specification 0.8): a relative value is ignored, as the specification demands. */
export function xdgPaths(env: Readonly<Record<string, string | undefined>>, home: string): Paths {
  const base = (variable: string, fallback: string): string => {
    const value = env[variable];
    const root = value !== undefined && value.startsWith("/") ? value : join(home, fallback);
    return join(root, "stack");
  };
  return {
    home,
    config: base("XDG_CONFIG_HOME", ".config"),
    data: base("XDG_DATA_HOME", ".local/share"),
    state: base("XDG_STATE_HOME", ".local/state"),
    cache: base("XDG_CACHE_HOME", ".cache"),
  };
}
