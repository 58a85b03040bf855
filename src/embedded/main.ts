// The embedded engine's process: `node src/embedded/main.ts <config-file>`. Only what ends or begins a process is here.
import { enableCompileCache } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";
import { xdgPaths } from "../host/xdg.ts";

// llama.cpp works on libuv's pool, twice per token (decode, sample). With one thread there is never a cold one to wake:
// 130 to 140 tokens/s instead of 65 to 120 on a busy two-core machine. Must be set before the pool's first use.
// oxlint-disable-next-line node/no-process-env -- this file is the process
process.env["UV_THREADPOOL_SIZE"] = "1";
// In the user's own cache folder, as for every command: code in a shared /tmp could be someone else's.
// oxlint-disable-next-line node/no-process-env -- this file is the process
enableCompileCache(join(xdgPaths(process.env, homedir()).cache, "node"));
const stop = new AbortController();
// Not `once`: a library below (signal-exit) kills the process when it finds itself the only listener left.
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => stop.abort());

const [{ createLog }, { createHost }] = await Promise.all([
  import("./log.ts"),
  import("../host/real-host.ts"),
]);
const { clock } = createHost();
const log = createLog(
  (line) => process.stdout.write(line),
  () => clock.now(),
);
try {
  const { runEmbedded } = await import("./run.ts");
  await runEmbedded(process.argv[2] ?? "", { log, clock, stop: stop.signal });
  process.exitCode = 0;
} catch (error) {
  const [{ EmbeddedError }, { EMBEDDED_EXIT }] = await Promise.all([
    import("./embedded-error.ts"),
    import("./config.ts"),
  ]);
  const code = error instanceof EmbeddedError ? error.code : "UNEXPECTED";
  const message = error instanceof Error ? error.message : String(error);
  log("fatal", "fatal", { code, message });
  process.exitCode = EMBEDDED_EXIT[code];
}
// llama.cpp's threads keep the process alive; there is nothing left to wait for.
// oxlint-disable-next-line unicorn/no-process-exit -- this file is the process
process.exit();
