import { homedir } from "node:os";
import { join } from "node:path";
import { createHost } from "../host/real-host.ts";
import { parseReference } from "../models/reference.ts";
import { openStore } from "../models/store.ts";

/**
 * A model store that holds the starter model, shared by tests and kept between runs (in the XDG cache).
 * Undefined where it is not there and the package index can't be reached; with `CI` set that is an error.
 */
export async function starterStore(): Promise<string | undefined> {
  const cache = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  const root = join(cache, "stack-test", "models");
  const host = createHost({ ...process.env, STACK_MODELS_DIR: root });
  const signal = AbortSignal.timeout(110_000);
  const store = openStore({ host, signal, emit: () => {} });
  try {
    await store.ensure(parseReference("starter"), {
      insecureRegistries: [],
      offline: false,
      ca: undefined,
    });
    return root;
  } catch (error) {
    if (process.env["CI"] !== undefined) throw error;
    return undefined;
  }
}
