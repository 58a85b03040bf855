// Loaded before anything else, and JavaScript for that: the first TypeScript file then needs no compiler either, which
// costs 30 ms of every command. In the user's own cache folder: code in a shared /tmp could be someone else's.
import { enableCompileCache } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";

const { XDG_CACHE_HOME: cache } = process.env;
enableCompileCache(
  join(cache?.startsWith("/") ? cache : join(homedir(), ".cache"), "stack", "node"),
);
