#!/usr/bin/env node
// The `stack` executable. No zx here, other than in our other scripts: it would cost every command 50 ms.
// Here too, for whoever starts this file without the flag that package.json gives.
import "./compile-cache.js";

const { runMain } = await import("../src/host/run-main.ts");
const { main } = await import("../src/cli/main.ts");
await runMain(main);
