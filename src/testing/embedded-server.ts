import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { EmbeddedConfigInput } from "../embedded/config.ts";

const MAIN = fileURLToPath(new URL("../embedded/main.ts", import.meta.url));
export const TEST_KEY = "sk-stack-test-key";
export const TEST_MODEL = "smollm2:135m";

/** A real engine process with a configuration file of its own. */
export interface EmbeddedServer extends AsyncDisposable {
  readonly origin: string;
  readonly port: number;
  readonly process: ChildProcess;
  /** Lines that the process has written so far. */
  log(): readonly string[];
  /** A request with the key, and a JSON body where one is given. */
  request(path: string, body?: unknown, init?: RequestInit): Promise<Response>;
  /** Value of one sample of `/metrics`, 0 when there is none. */
  metric(sample: string): Promise<number>;
  /** Polls until the server is healthy, or the process has ended. */
  ready(): Promise<void>;
  /** Exit status once it has ended. */
  exit(): Promise<number | null>;
}

/** Starts `src/embedded/main.ts` with one thread, so that several test files can run beside each other. It is killed when the scope ends. */
export async function startEmbedded(
  config: Partial<EmbeddedConfigInput> & Pick<EmbeddedConfigInput, "modelPath">,
): Promise<EmbeddedServer> {
  const folder = await mkdtemp(join(tmpdir(), "stack-embedded-"));
  const port = config.port ?? (await freePort());
  const file = join(folder, "engine.json");
  const whole: EmbeddedConfigInput = {
    apiKey: TEST_KEY,
    servedName: TEST_MODEL,
    context: 2048,
    threads: 1,
    ...config,
    port,
  };
  await writeFile(file, JSON.stringify(whole), { mode: 0o600 });
  const child = spawn(process.execPath, [MAIN, file], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => {
      output += text;
    });
  }
  const ended = once(child, "close");
  const origin = `http://127.0.0.1:${port}`;
  const log = (): readonly string[] => output.split("\n").filter((line) => line !== "");
  const request: EmbeddedServer["request"] = (path, body, init) =>
    fetch(`${origin}${path}`, {
      ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
      ...init,
      headers: withKey(init?.headers),
    });
  return {
    origin,
    port,
    process: child,
    log,
    request,
    async metric(sample) {
      const text = await (await request("/metrics")).text();
      const line = text.split("\n").find((candidate) => candidate.startsWith(`${sample} `));
      return Number(line?.slice(sample.length) ?? 0);
    },
    async ready() {
      for (;;) {
        if (child.exitCode !== null) throw new Error(`ended ${child.exitCode}: ${output}`);
        const health = await fetch(`${origin}/health`).catch(() => undefined);
        if (health?.status === 200) return;
        await delay(20);
      }
    },
    async exit() {
      await ended;
      return child.exitCode;
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function withKey(given: RequestInit["headers"]): Headers {
  const headers = new Headers(given);
  if (!headers.has("authorization")) headers.set("authorization", `Bearer ${TEST_KEY}`);
  return headers;
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
