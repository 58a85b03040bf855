import type {
  ContainerFile,
  ContainerSpec,
  DaemonFacts,
  DeviceRequest,
  NetworkSpec,
} from "../docker/runtime.ts";
import type { ContainerEngine, EngineInput } from "../engines/engine.ts";
import { engineContainer } from "../engines/engine-container.ts";
import { BODY_LIMIT_BYTES, gatewayConfig } from "../offline/gateway-config.ts";
import { gatewayContainer, gatewayFile, UNPRIVILEGED } from "../offline/gateway-container.ts";
import { outerNetwork, sealedNetwork } from "../offline/networks.ts";
import { planHash } from "./hash.ts";
import type { ImageChoice } from "./image-choice.ts";
import { LABEL, type Role } from "./labels.ts";
import { parseSize } from "./size.ts";

export interface ContainerStackInput {
  readonly name: string;
  readonly engine: ContainerEngine;
  readonly input: EngineInput;
  /** Canonical model reference. */
  readonly reference: string;
  readonly images: Readonly<Record<Role, ImageChoice>>;
  readonly daemon: DaemonFacts;
  readonly port: number;
  readonly keySha256: string;
  /** As in the settings, such as `8g`. */
  readonly memory: string | undefined;
  readonly gpu: {
    readonly devices: readonly DeviceRequest[];
    readonly labels: Readonly<Record<string, string>>;
  };
  /** The context was found by `auto`. */
  readonly foundContext: boolean;
}

/** Everything that is created for a stack of containers, to the last option. */
export interface ContainerStackSpec {
  readonly engine: ContainerSpec;
  readonly gateway: ContainerSpec;
  readonly gatewayFile: { readonly directory: string; readonly file: ContainerFile };
  readonly networks: { readonly sealed: NetworkSpec; readonly outer: NetworkSpec };
  /** Of all the above; on both containers as a label. */
  readonly hash: string;
}

/** Share of the daemon's memory that an engine may take when the user names no limit: the rest is for the machine. */
const MEMORY_SHARE = 0.9;

/** The same input gives the same specification and hash: that is how a second `up` knows that nothing is to be done. */
export function describeContainers(input: ContainerStackInput): ContainerStackSpec {
  const { name, engine, images, daemon, port } = input;
  const { uid, gid } = UNPRIVILEGED;
  const labels = { [LABEL.model]: input.reference };
  const config = gatewayConfig({
    enginePort: engine.port,
    keySha256: input.keySha256,
    paths: engine.paths,
    overflowMarks: engine.overflowMarks,
    port,
    bodyLimitBytes: BODY_LIMIT_BYTES,
    endpointJson: JSON.stringify(describeEndpoint(input)),
  });
  const spec = {
    engine: engineContainer({
      stack: name,
      engine,
      told: input.input,
      image: images.engine.exact,
      user: `${uid}:${gid}`,
      memoryBytes:
        input.memory === undefined
          ? Math.floor(daemon.memoryBytes * MEMORY_SHARE)
          : parseSize(input.memory),
      devices: input.gpu.devices,
      labels: { ...labels, ...input.gpu.labels },
    }),
    gateway: gatewayContainer({
      stack: name,
      engine: engine.name,
      image: images.gateway.exact,
      hostPort: port,
      labels,
    }),
    gatewayFile: gatewayFile(config),
    networks: { sealed: sealedNetwork(name, daemon), outer: outerNetwork(name) },
  };
  // The images by what they are: the same one may be named by its tag or by its digest.
  const hash = planHash({
    ...spec,
    engine: { ...spec.engine, image: images.engine.id },
    gateway: { ...spec.gateway, image: images.gateway.id },
    weights: input.input.model?.weights.digest,
  });
  const hashed = { [LABEL.plan]: hash };
  // Whoever chose it, it is the same context, and so the same hash.
  const found = input.foundContext ? { [LABEL.foundContext]: `${input.input.context}` } : {};
  return {
    ...spec,
    engine: { ...spec.engine, labels: { ...spec.engine.labels, ...found, ...hashed } },
    gateway: { ...spec.gateway, labels: { ...spec.gateway.labels, ...hashed } },
    hash,
  };
}

/** What `GET /stack/endpoint` answers: the endpoint as it was planned, without the key. */
function describeEndpoint({ name, engine, input, reference, port }: ContainerStackInput): object {
  return {
    name,
    engine: engine.name,
    apiBase: `http://127.0.0.1:${port}/v1`,
    model: input.servedName,
    reference,
    contextWindow: input.context,
    maxOutputTokens: input.maxOutputTokens,
  };
}
