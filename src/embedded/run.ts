import { readFile } from "node:fs/promises";
import { collect } from "./collect.ts";
import { type EmbeddedConfig, embeddedConfigSchema } from "./config.ts";
import { EmbeddedError } from "./embedded-error.ts";
import type { Clock } from "../host/host.ts";
import type { Log } from "./log.ts";
import { createMetrics } from "./metrics.ts";
import { listen } from "./server.ts";
import type { ServerState } from "./server-state.ts";
import { defaultThreads } from "./threads.ts";

export interface RunDeps {
  readonly log: Log;
  readonly clock: Clock;
  /** Aborts when the process is told to end. */
  readonly stop: AbortSignal;
}

/** An answer in progress is told to end; this is how long it may take. */
const STOP_MS = 1500;

/** By then the first answer has begun, which nothing should keep waiting. */
const SETTLED_MS = 1000;

/** Serves one model until `stop` aborts. Rejects with an `EmbeddedError` when it cannot. */
export async function runEmbedded(configFile: string, deps: RunDeps): Promise<void> {
  const { log, clock, stop } = deps;
  const begin = clock.monotonic();
  const config = await readConfig(configFile);
  let state: ServerState = { phase: "loading", progress: 0 };
  const server = await listen({
    config,
    state: () => state,
    metrics: createMetrics(),
    log,
    clock,
    stopping: stop,
  });
  log("info", "listening", { host: config.host, port: config.port });

  const threads = config.threads ?? defaultThreads();
  const [{ loadModel }, { createEngine }] = await Promise.all([
    import("./llama/load.ts"),
    import("./llama/engine.ts"),
  ]);
  const loaded = await loadModel({
    config,
    threads,
    log,
    onProgress: (progress) => {
      if (state.phase === "loading") state = { phase: "loading", progress };
    },
  });
  const engine = createEngine(loaded, config, clock);
  if (!stop.aborted) state = { phase: "ready", engine };
  log("info", "ready", {
    ms: Math.round(clock.monotonic() - begin),
    context: engine.context,
    trainedContext: engine.trainedContext,
    parallel: config.parallel,
    threads,
    gpu: String(loaded.llama.gpu),
    nativeTools: engine.prompts.nativeTools,
  });

  await Promise.race([aborted(stop), clock.sleep(SETTLED_MS)]);
  if (!stop.aborted) collect("all");
  await aborted(stop);
  state = { phase: "stopping" };
  log("info", "stopping");
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeIdleConnections();
  await Promise.race([closed, clock.sleep(STOP_MS)]);
  log("info", "stopped");
}

async function readConfig(file: string): Promise<EmbeddedConfig> {
  try {
    return embeddedConfigSchema.parse(JSON.parse(await readFile(file, "utf8")));
  } catch (error) {
    // The file holds the key: of a parse error, not even the neighbourhood is told.
    const why = error instanceof SyntaxError ? "it is not JSON" : messageOf(error);
    throw new EmbeddedError("UNEXPECTED", `The configuration ${file} cannot be used: ${why}`);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
