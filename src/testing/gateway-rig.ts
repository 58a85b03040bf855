import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { request, type IncomingMessage } from "node:http";
import { createServer } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { ContainerSpec, Runtime } from "../docker/runtime.ts";
import { engineContainer } from "../engines/engine-container.ts";
import { ollama } from "../engines/ollama.ts";
import { gatewayConfig } from "../offline/gateway-config.ts";
import { GATEWAY_IMAGE, gatewayContainer, gatewayFile } from "../offline/gateway-container.ts";
import { outerNetwork, sealedNetwork } from "../offline/networks.ts";
import { LABEL } from "../plan/labels.ts";

export interface GatewayRig extends AsyncDisposable {
  readonly stack: string;
  readonly port: number;
  readonly key: string;
  /** Container ids. */
  readonly engine: string;
  readonly gateway: string;
  /** With the key and a loopback Host, unless the headers say otherwise. */
  send(options: GatewayRequest): Promise<GatewayAnswer>;
  /** Ends the engine, which stays away until it is started again. */
  endEngine(): Promise<void>;
  /** As `send`, but hands over the answer as it comes. */
  open(options: GatewayRequest): Promise<IncomingMessage>;
}

export interface GatewayRequest {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly signal?: AbortSignal;
}

interface GatewayAnswer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
}

export const BODY_LIMIT = 1_000_000;
const KEY = "sk-of-a-test";

/** A real gateway on real networks before a stand-in for the engine, or before `engineOf`; all of it is removed when the scope ends. */
export async function gatewayRig(
  runtime: Runtime,
  signal: AbortSignal,
  engineOf: (stack: string) => ContainerSpec = standInEngine,
): Promise<GatewayRig> {
  const stack = `test-${createHash("sha256").update(`${process.pid} ${performance.now()}`).digest("hex").slice(0, 8)}`;
  const port = await freePort();
  try {
    const facts = await runtime.facts(signal);
    await runtime.networks.create(sealedNetwork(stack, facts), signal);
    await runtime.networks.create(outerNetwork(stack), signal);
    const engine = await runtime.containers.create(engineOf(stack), signal);
    await runtime.containers.start(engine, signal);
    const gateway = await runtime.containers.create(
      gatewayContainer({
        stack,
        engine: "ollama",
        image: GATEWAY_IMAGE.built,
        hostPort: port,
        labels: {},
      }),
      signal,
    );
    const config = gatewayConfig({
      enginePort: ollama.port,
      keySha256: createHash("sha256").update(KEY).digest("hex"),
      paths: ollama.paths,
      port,
      bodyLimitBytes: BODY_LIMIT,
      endpointJson: JSON.stringify({ name: stack }),
    });
    const { directory, file } = gatewayFile(config);
    await runtime.containers.putFiles(gateway, directory, [file], signal);
    await runtime.containers.start(gateway, signal);
    const rig = { stack, port, key: KEY, engine, gateway };
    const open = (options: GatewayRequest): Promise<IncomingMessage> => begin(port, options);
    const send = async (options: GatewayRequest): Promise<GatewayAnswer> => {
      const answer = await open(options);
      const { statusCode: status = 0, headers } = answer;
      return { status, headers, text: await text(answer) };
    };
    await untilUp(send, signal);
    const endEngine = async (): Promise<void> => {
      // Its own end may cut the answer off.
      await runtime.containers.exec(engine, ["/bin/sh", "-c", "kill 1"], signal).catch(() => {});
      await runtime.containers.waitExit(engine, signal);
    };
    return {
      ...rig,
      open,
      send,
      endEngine,
      [Symbol.asyncDispose]: () => removeStack(runtime, stack),
    };
  } catch (error) {
    await removeStack(runtime, stack);
    throw error;
  }
}

/** Removes all that carries the stack's name; what is left then is an error. */
export async function removeStack(runtime: Runtime, stack: string): Promise<void> {
  const labels = { [LABEL.name]: stack };
  for (const { id } of await runtime.containers.list(labels)) await runtime.containers.remove(id);
  for (const { id } of await runtime.networks.list(labels)) await runtime.networks.remove(id);
  for (const name of await runtime.volumes.list(labels)) await runtime.volumes.remove(name);
  const left = [
    ...(await runtime.containers.list(labels)),
    ...(await runtime.networks.list(labels)),
    ...(await runtime.volumes.list(labels)),
  ];
  if (left.length > 0) throw new Error(`left behind: ${JSON.stringify(left)}`);
}

/** The engine's own specification, with another program in it. */
function standInEngine(stack: string): ContainerSpec {
  const script = readFileSync(join(import.meta.dirname, "stand-in-engine.pl"), "utf8");
  const spec = engineContainer({
    stack,
    engine: ollama,
    told: {
      model: undefined,
      servedName: "none",
      context: 4096,
      parallel: 1,
      maxOutputTokens: 100,
      storeDir: "/",
      extraArgs: [],
    },
    image: "stack/base:trixie",
    user: "65532:65532",
    memoryBytes: 128 * 1024 * 1024,
    devices: [],
    labels: {},
  });
  return { ...spec, mounts: [], restart: "no", entrypoint: ["perl", "-e", script], command: [] };
}

async function begin(port: number, options: GatewayRequest): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const { body, signal } = options;
  const outgoing = request({
    host: "127.0.0.1",
    port,
    agent: false,
    method: options.method ?? (body === undefined ? "GET" : "POST"),
    path: options.path,
    headers: {
      authorization: `Bearer ${KEY}`,
      ...(body === undefined ? {} : { "content-length": Buffer.byteLength(body) }),
      ...options.headers,
    },
    ...(signal === undefined ? {} : { signal }),
  });
  outgoing.on("response", resolve);
  outgoing.on("error", reject);
  outgoing.end(body);
  return promise;
}

async function untilUp(send: GatewayRig["send"], signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    const answer = await send({ path: "/api/version" }).catch(() => undefined);
    if (answer?.status === 200) return;
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
}

/** A port of 127.0.0.1 that nobody had a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  await new Promise((resolve) => {
    server.close(resolve);
  });
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
