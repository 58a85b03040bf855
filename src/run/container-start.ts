import { stat } from "node:fs/promises";
import type { Runtime } from "../docker/runtime.ts";
import { StackError } from "../errors.ts";
import type { ContainerStackSpec } from "../plan/container-stack-spec.ts";
import { isErrno } from "../host/atomic-write.ts";
import { explainGpuWords } from "../plan/gpu/causes.ts";
import { gpuUnusable } from "../plan/gpu/verdict.ts";
import { LABEL } from "../plan/labels.ts";
import { sealOf } from "../plan/seal.ts";
import type { Settings } from "../plan/settings.ts";
import type { Watched } from "./container-exit.ts";
import type { RunContext } from "../run-context.ts";

/** Creates both containers at once, gives the gateway its configuration, and starts them. */
export async function startContainers(
  runtime: Runtime,
  spec: ContainerStackSpec,
): Promise<readonly Watched[]> {
  const signal = unbroken();
  const engine = async (): Promise<string> => {
    try {
      const id = await runtime.containers.create(spec.engine, signal);
      await runtime.containers.start(id, signal);
      return id;
    } catch (error) {
      throw gpuRefusal(spec.engine, error) ?? error;
    }
  };
  const gateway = async (): Promise<string> => {
    const id = await runtime.containers.create(spec.gateway, signal);
    const { directory, file } = spec.gatewayFile;
    await runtime.containers.putFiles(id, directory, [file], signal);
    await runtime.containers.start(id, signal);
    return id;
  };
  const [engineId, gatewayId] = await allOrThrow([engine(), gateway()]);
  return [
    { role: "engine", id: engineId },
    { role: "gateway", id: gatewayId },
  ];
}

/** What the daemon's refusal says of the GPU that the container was to have; undefined where it is about something else. */
function gpuRefusal(
  { devices }: ContainerStackSpec["engine"],
  error: unknown,
): StackError | undefined {
  if (devices.length === 0 || !(error instanceof StackError)) return undefined;
  const fault = error.code === "DOCKER_FAILED" ? explainGpuWords(error.why ?? "") : undefined;
  return fault && gpuUnusable(fault);
}

/** `MODEL_UNAVAILABLE` when the store's folder is closed to the containers' user: one that we did not make keeps its mode. */
export async function checkStoreOpen(
  { host }: Pick<RunContext, "host">,
  root: string,
): Promise<void> {
  if (host.platform !== "linux") return;
  const mode = await modeOf(root);
  // One that is made only now is made open.
  if (mode === undefined || (mode & OTHERS_READ) === OTHERS_READ) return;
  throw new StackError("MODEL_UNAVAILABLE", {
    what: `The engine's container can't read the model store ${root}.`,
    why: `The folder is closed to other users (mode ${(mode & 0o777).toString(8)}), and a container runs as one.`,
    next: `chmod o+rx ${root}`,
  });
}

async function modeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mode;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** Look into it, and go through it. */
const OTHERS_READ = 0o005;

/** Creates those of the two networks that are missing, at once. */
export async function createNetworks(
  runtime: Runtime,
  specs: ContainerStackSpec["networks"],
  roles: readonly (keyof ContainerStackSpec["networks"])[],
): Promise<void> {
  await allOrThrow(roles.map((role) => runtime.networks.create(specs[role], unbroken())));
}

/** The daemon's word on the network it made: with `requireIsolated`, a host that is in reach is a leak. */
export async function checkSeal(
  context: RunContext,
  runtime: Runtime,
  { name, requireIsolated }: Pick<Settings, "name" | "requireIsolated">,
): Promise<void> {
  const networks = await runtime.networks.list({ [LABEL.name]: name }, context.signal);
  const seal = sealOf(
    "containers",
    networks.find((network) => network.internal),
  );
  if (seal.kind === "isolated") return;
  if (requireIsolated) {
    throw new StackError("NETWORK_LEAK", {
      what: "The sealed network is not isolated from the host.",
      why: seal.warnings[0],
      next: "use Docker Engine 20.10 or newer in place of Podman, or leave out --require-isolated",
    });
  }
  for (const message of seal.warnings) context.emit({ type: "warning", message });
}

/**
 * For requests that make something: broken off by Ctrl-C, the daemon would make it all the same, after the clean-up
 * has looked. They take a second or two; the interrupt is heard between the steps.
 */
function unbroken(): AbortSignal {
  return AbortSignal.timeout(60_000);
}

/** `Promise.all` that waits for every one even when one fails: what is still under way could not be taken back. */
export async function allOrThrow<T extends readonly unknown[]>(work: {
  readonly [K in keyof T]: Promise<T[K]>;
}): Promise<T> {
  await Promise.allSettled(work);
  return Promise.all(work);
}
