import { stringify } from "yaml";
import type { ContainerEngine, EngineInput, ImageTag } from "../engines/engine.ts";
import { engineContainer, pidsLimit } from "../engines/engine-container.ts";
import { engineImage } from "../engines/engine-image.ts";
import { llamacpp } from "../engines/llamacpp.ts";
import { ollama } from "../engines/ollama.ts";
import { sglang } from "../engines/sglang.ts";
import { vllm } from "../engines/vllm.ts";
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
  const stacks = COMPOSED.flatMap((each) => [
    [`${each.engine.name}.yaml`, stackFile(each)] as const,
    [`${each.engine.name}.haproxy.cfg`, gatewayFileOf(each.engine)] as const,
  ]);
  return { ...Object.fromEntries(stacks), "sealed.yaml": sealedFile(), "gpu.yaml": gpuFile() };
}

const MADE = "# Made by `pnpm compose` from src/docker/compose.ts; a test holds them equal.";

interface Composed {
  readonly engine: ContainerEngine;
  readonly image: ImageTag;
  /** Lines over the common ones. */
  readonly head: string;
  readonly told: Partial<EngineInput> & Pick<EngineInput, "storeDir">;
  /** What becomes a variable, in arguments and values of the environment, when the whole text is equal. */
  readonly variables: Readonly<Record<string, string>>;
  /** Variables of the environment by name, where the text alone (`1`) does not say which one is meant. */
  readonly environment: Readonly<Record<string, string>>;
  readonly more: string;
}

const CONTEXT_VARIABLE = { [`${CONTEXT}`]: `\${STACK_CONTEXT:-${CONTEXT}}` };

/** For engines that read a folder of safetensors and take as many GPUs as they are told. */
const SNAPSHOT = {
  storeDir: "${STACK_MODELS:?the folder that holds the snapshot}",
  weightsPath: "/models/${STACK_SNAPSHOT:?the folder of safetensors, below STACK_MODELS}",
  servedName: "${STACK_MODEL_NAME:-local}",
};
const PARSED_VARIABLES = { ...CONTEXT_VARIABLE, hermes: "${STACK_TOOL_PARSER:-hermes}" };
const GPUS = "${STACK_GPU_COUNT:-1}";
/** Most that are named of one machine, but for rare ones: a limit can't be computed by Compose. */
const MANY_GPUS = 8;
const MORE_OF_GPUS = "STACK_MODEL_NAME, STACK_GPU_COUNT, STACK_SHM (1g for each),\n# ";

const COMPOSED: readonly Composed[] = [
  {
    engine: ollama,
    image: ollama.image,
    head: `# Ollama on a sealed network, behind a gateway on 127.0.0.1 that wants a key.
#   export STACK_MODELS=$HOME/.ollama/models`,
    told: { storeDir: "${STACK_MODELS:?the folder of Ollama's models, such as ~/.ollama/models}" },
    variables: CONTEXT_VARIABLE,
    environment: { OLLAMA_NUM_PARALLEL: "${STACK_PARALLEL:-1}" },
    more: "STACK_PARALLEL, ",
  },
  {
    engine: llamacpp,
    image: llamacpp.image,
    head: `# llama.cpp's server on a sealed network, behind a gateway on 127.0.0.1 that wants a key.
#   export STACK_MODELS=$HOME/models STACK_GGUF=model.gguf`,
    told: {
      storeDir: "${STACK_MODELS:?the folder that holds the GGUF}",
      weightsPath: "/models/${STACK_GGUF:?the GGUF, below STACK_MODELS}",
      servedName: "${STACK_MODEL_NAME:-local}",
    },
    variables: CONTEXT_VARIABLE,
    environment: {},
    more: "STACK_MODEL_NAME, ",
  },
  {
    engine: vllm,
    image: vllm.acceleratedImages.cuda,
    head: `# vLLM with NVIDIA GPUs on a sealed network, behind a gateway on 127.0.0.1 that wants a key.
#   export STACK_MODELS=$HOME/models STACK_SNAPSHOT=Qwen3-8B    # a folder of safetensors with its tokenizer
#   export STACK_TOOL_PARSER=hermes                             # how this model writes calls: docs/engines/vllm.md`,
    told: {
      ...SNAPSHOT,
      accelerator: "cuda",
      extraArgs: ["--tensor-parallel-size", GPUS],
    },
    variables: PARSED_VARIABLES,
    environment: {},
    more: MORE_OF_GPUS,
  },
  {
    engine: sglang,
    image: sglang.acceleratedImages.cuda,
    head: `# SGLang with NVIDIA GPUs on a sealed network, behind a gateway on 127.0.0.1 that wants a key.
#   export STACK_MODELS=$HOME/models STACK_SNAPSHOT=Qwen3-8B    # a folder of safetensors with its tokenizer
#   export STACK_TOOL_PARSER=hermes                             # how this model writes calls: docs/engines/sglang.md`,
    told: {
      ...SNAPSHOT,
      accelerator: "cuda",
      extraArgs: ["--tp-size", GPUS],
    },
    variables: PARSED_VARIABLES,
    environment: {},
    more: MORE_OF_GPUS,
  },
];

function stackFile(composed: Composed): string {
  const { engine, image, head, told, more } = composed;
  const gpuAlways = told.accelerator !== undefined;
  const made = engineContainer({
    stack: STACK,
    engine,
    told: {
      model: undefined,
      servedName: "",
      context: CONTEXT,
      parallel: 1,
      maxOutputTokens: 4096,
      extraArgs: [],
      ...told,
    },
    image: `\${STACK_ENGINE_IMAGE:-${image.repository}:${image.tag}}`,
    user: `\${STACK_USER:-${UNPRIVILEGED.uid}:${UNPRIVILEGED.gid}}`,
    memoryBytes: undefined,
    devices: [],
    labels: {},
  });
  const spec = gpuAlways ? { ...made, pidsLimit: pidsLimit({ gpus: { given: MANY_GPUS } }) } : made;
  const gateway = gatewayContainer({
    stack: STACK,
    engine: engine.name,
    image: `\${STACK_GATEWAY_IMAGE:-${GATEWAY_IMAGE.repository}:${GATEWAY_IMAGE.tag}}`,
    hostPort: PORT,
    labels: {},
  });
  return file(
    `${head}
#   export STACK_KEY=$(openssl rand -hex 32)
#   export STACK_KEY_SHA256=$(printf %s "$STACK_KEY" | sha256sum | cut -d' ' -f1)
#   docker compose -f compose/${engine.name}.yaml${gpuAlways ? " -f compose/gpu.yaml" : ""} up -d
#   curl -H "Authorization: Bearer $STACK_KEY" http://127.0.0.1:${PORT}/v1/models
# More: STACK_PORT, STACK_CONTEXT (tokens), ${more}STACK_MEMORY, STACK_USER (uid:gid that can read the models),
# STACK_ENGINE_IMAGE, STACK_GATEWAY_IMAGE. With Docker Engine 28 or newer add -f compose/sealed.yaml${gpuAlways ? "" : `; with an NVIDIA GPU${gpuHow(composed)}`}.`,
    {
      name: `stack-${engine.name}`,
      services: { engine: engineService(spec, composed), gateway: gatewayService(gateway) },
      networks: {
        // What the oldest supported Engine knows; a newer one does the same by `sealed.yaml`.
        sealed: composeNetwork(
          sealedNetwork(STACK, { isolatedNetworks: true, gatewayModes: false }),
        ),
        outer: composeNetwork(outerNetwork(STACK)),
      },
      // Compose can put inline content only into containers that may write to their root.
      configs: { gateway: { file: `./${engine.name}.haproxy.cfg` } },
    },
  );
}

/** An image for processors is given the GPU in vain, and says nothing of it. */
function gpuHow({ engine, image }: Composed): string {
  const { repository, tag } = engineImage(engine, "cuda");
  return tag === image.tag
    ? " -f compose/gpu.yaml"
    : `\n#   export STACK_ENGINE_IMAGE=${repository}:${tag}\n# and -f compose/gpu.yaml`;
}

function engineService(spec: ContainerSpec, { variables, environment }: Composed): object {
  const open = (text: string): string => variables[text] ?? text;
  const command = (spec.command ?? []).map(open);
  const env = Object.entries(spec.env).map(([name, value]) => [name, open(value)] as const);
  const service = composeService({ ...spec, command }, { sealed: { aliases: [ENGINE_ALIAS] } });
  return {
    ...service,
    environment: { ...Object.fromEntries(env), ...environment },
    // 0 is no limit; the tool itself takes nine tenths of the machine.
    ...(spec.shmBytes === undefined ? {} : { shm_size: "${STACK_SHM:-1g}" }),
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
    overflowMarks: engine.overflowMarks,
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
    "# Overlay for NVIDIA GPUs: all of them go to the engine, whose image must be one for them: see the head of its file. Needs the NVIDIA\n# container toolkit.",
    { services: { engine: { deploy: { resources: { reservations: { devices } } } } } },
  );
}

function file(head: string, content: object): string {
  return `${head}\n${MADE}\n${stringify(content, { lineWidth: 0, aliasDuplicateObjects: false })}`;
}
