import { createHash } from "node:crypto";
import type { Runtime } from "../docker/runtime.ts";
import type { ContainerEngine, EngineInput } from "../engines/engine.ts";
import { engineContainer } from "../engines/engine-container.ts";
import { BODY_LIMIT_BYTES, gatewayConfig } from "../offline/gateway-config.ts";
import {
  GATEWAY_IMAGE,
  gatewayContainer,
  gatewayFile,
  UNPRIVILEGED,
} from "../offline/gateway-container.ts";
import { outerNetwork, sealedNetwork } from "../offline/networks.ts";
import { freePort, removeStack } from "./gateway-rig.ts";

export interface EngineRig extends AsyncDisposable {
  readonly origin: string;
  readonly key: string;
  /** Container id of the engine. */
  readonly engine: string;
}

const KEY = "sk-of-an-engine-test";

/** An engine and its gateway on real networks, by the specifications that `stack up` uses; all of it is removed when the scope ends. */
export async function engineRig(
  runtime: Runtime,
  engine: ContainerEngine,
  input: EngineInput,
  options: { readonly image: string; readonly memoryBytes: number; readonly signal: AbortSignal },
): Promise<EngineRig> {
  const { signal, image, memoryBytes } = options;
  const stack = `test-${engine.name}-${process.pid}`;
  const hostPort = await freePort();
  try {
    await runtime.networks.create(sealedNetwork(stack, await runtime.facts(signal)), signal);
    await runtime.networks.create(outerNetwork(stack), signal);
    const user = `${UNPRIVILEGED.uid}:${UNPRIVILEGED.gid}`;
    const id = await runtime.containers.create(
      engineContainer({
        stack,
        engine,
        told: input,
        image,
        user,
        memoryBytes,
        devices: [],
        labels: {},
      }),
      signal,
    );
    await runtime.containers.start(id, signal);
    const gateway = await runtime.containers.create(
      gatewayContainer({
        stack,
        engine: engine.name,
        image: GATEWAY_IMAGE.built,
        hostPort,
        labels: {},
      }),
      signal,
    );
    const { directory, file } = gatewayFile(
      gatewayConfig({
        enginePort: engine.port,
        keySha256: createHash("sha256").update(KEY).digest("hex"),
        paths: engine.paths,
        overflowMark: engine.overflowMark,
        port: hostPort,
        bodyLimitBytes: BODY_LIMIT_BYTES,
      }),
    );
    await runtime.containers.putFiles(gateway, directory, [file], signal);
    await runtime.containers.start(gateway, signal);
    return {
      origin: `http://127.0.0.1:${hostPort}`,
      key: KEY,
      engine: id,
      [Symbol.asyncDispose]: () => removeStack(runtime, stack),
    };
  } catch (error) {
    await removeStack(runtime, stack);
    throw error;
  }
}
