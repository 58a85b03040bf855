import { stringify } from "yaml";
import type { ContainerEngine } from "../engines/engine.ts";
import { engineContainer } from "../engines/engine-container.ts";
import { ollama } from "../engines/ollama.ts";
import { BODY_LIMIT_BYTES, gatewayConfig } from "../offline/gateway-config.ts";
import { GATEWAY_IMAGE, gatewayContainer, UNPRIVILEGED } from "../offline/gateway-container.ts";
import { ENGINE_ALIAS } from "../offline/names.ts";
import { outerNetwork, sealedNetwork } from "../offline/networks.ts";
import { composeDevice, composeNetwork, composeService } from "./compose-service.ts";
import type { ContainerSpec } from "./runtime.ts";

/** Port on 127.0.0.1 when `STACK_PORT` says nothing: next to Ollama's own, which may be in use. */
const PORT = 11_435;
const CONTEXT = 32_768;
const STACK = "compose";

/** The files below `compose/`, by name, for people who have Docker and not this tool. Made from the same specifications as `stack up`. */
export function composeFiles(): Readonly<Record<string, string>> {
  return {
    "ollama.yaml": ollamaFile(),
    "ollama.haproxy.cfg": gatewayFileOf(ollama),
    "sealed.yaml": sealedFile(),
    "gpu.yaml": gpuFile(),
  };
}

const MADE = "# Made by `pnpm compose` from src/docker/compose.ts; a test holds them equal.";

function ollamaFile(): string {
  const engine = engineContainer({
    stack: STACK,
    engine: ollama,
    told: {
      model: undefined,
      servedName: "",
      context: CONTEXT,
      parallel: 1,
      maxOutputTokens: 4096,
      storeDir: "${STACK_MODELS:?the folder of Ollama's models, such as ~/.ollama/models}",
      extraArgs: [],
    },
    image: `\${STACK_ENGINE_IMAGE:-${ollama.image.repository}:${ollama.image.tag}}`,
    user: `\${STACK_USER:-${UNPRIVILEGED.uid}:${UNPRIVILEGED.gid}}`,
    memoryBytes: undefined,
    devices: [],
    labels: {},
  });
  const gateway = gatewayContainer({
    stack: STACK,
    engine: ollama.name,
    image: `\${STACK_GATEWAY_IMAGE:-${GATEWAY_IMAGE.repository}:${GATEWAY_IMAGE.tag}}`,
    hostPort: PORT,
    labels: {},
  });
  return file(
    `# Ollama on a sealed network, behind a gateway on 127.0.0.1 that wants a key.
#   export STACK_MODELS=$HOME/.ollama/models
#   export STACK_KEY=$(openssl rand -hex 32)
#   export STACK_KEY_SHA256=$(printf %s "$STACK_KEY" | sha256sum | cut -d' ' -f1)
#   docker compose -f compose/ollama.yaml up -d
#   curl -H "Authorization: Bearer $STACK_KEY" http://127.0.0.1:${PORT}/v1/models
# More: STACK_PORT, STACK_CONTEXT (tokens), STACK_PARALLEL, STACK_MEMORY, STACK_USER (uid:gid that can read the models),
# STACK_ENGINE_IMAGE, STACK_GATEWAY_IMAGE. With Docker Engine 28 or newer add -f compose/sealed.yaml; with an NVIDIA GPU -f compose/gpu.yaml.`,
    {
      name: "stack-ollama",
      services: { engine: engineService(engine), gateway: gatewayService(gateway) },
      networks: {
        // What the oldest supported Engine knows; a newer one does the same by `sealed.yaml`.
        sealed: composeNetwork(
          sealedNetwork(STACK, { isolatedNetworks: true, gatewayModes: false }),
        ),
        outer: composeNetwork(outerNetwork(STACK)),
      },
      // Compose can put inline content only into containers that may write to their root.
      configs: { gateway: { file: "./ollama.haproxy.cfg" } },
    },
  );
}

function engineService(spec: ContainerSpec): object {
  const service = composeService(spec, { sealed: { aliases: [ENGINE_ALIAS] } });
  return {
    ...service,
    environment: {
      ...spec.env,
      OLLAMA_CONTEXT_LENGTH: `\${STACK_CONTEXT:-${CONTEXT}}`,
      OLLAMA_NUM_PARALLEL: "${STACK_PARALLEL:-1}",
    },
    // 0 is no limit; the tool itself takes nine tenths of the machine.
    mem_limit: "${STACK_MEMORY:-0}",
    memswap_limit: "${STACK_MEMORY:-0}",
  };
}

function gatewayService(spec: ContainerSpec): object {
  const service = composeService({ ...spec, mounts: [] }, { outer: {}, sealed: {} });
  return {
    ...service,
    environment: {
      STACK_PORT: `\${STACK_PORT:-${PORT}}`,
      STACK_KEY_SHA256: "${STACK_KEY_SHA256:?the SHA-256 of the key, in hex}",
    },
    ports: spec.ports.map(
      ({ hostIp, containerPort }) => `${hostIp}:\${STACK_PORT:-${PORT}}:${containerPort}`,
    ),
    configs: [{ source: "gateway", target: "/config/haproxy.cfg" }],
    depends_on: ["engine"],
  };
}

/** HAProxy fills in the two variables itself, from the environment of its container. */
function gatewayFileOf(engine: ContainerEngine): string {
  const config = gatewayConfig({
    enginePort: engine.port,
    keySha256: '"${STACK_KEY_SHA256}"',
    paths: engine.paths,
    port: "${STACK_PORT}",
    bodyLimitBytes: BODY_LIMIT_BYTES,
  });
  return `${MADE}\n${config.replace(/^#.*\n/, "")}`;
}

function sealedFile(): string {
  const { options } = sealedNetwork(STACK, { isolatedNetworks: true, gatewayModes: true });
  return file(
    "# Overlay for Docker Engine 28 and newer: the engine's network is isolated from the host by the daemon itself.",
    { networks: { sealed: { driver_opts: options } } },
  );
}

function gpuFile(): string {
  const devices = [composeDevice({ driver: "nvidia", ids: "all" })];
  return file(
    "# Overlay for NVIDIA GPUs: all of them go to the engine. Needs the NVIDIA container toolkit.",
    { services: { engine: { deploy: { resources: { reservations: { devices } } } } } },
  );
}

function file(head: string, content: object): string {
  return `${head}\n${MADE}\n${stringify(content, { lineWidth: 0, aliasDuplicateObjects: false })}`;
}
