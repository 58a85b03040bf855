#!/usr/bin/env node
// The `stack` executable. No zx here, other than in our other scripts: it would cost every command 50 ms.
import { enableCompileCache } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";
import { xdgPaths } from "../src/host/xdg.ts";

// In the user's own cache folder: code in a shared /tmp could be someone else's.
enableCompileCache(join(xdgPaths(process.env, homedir()).cache, "node"));
const { runMain } = await import("../src/host/run-main.ts");
const { main } = await import("../src/cli/main.ts");
await runMain(main);
