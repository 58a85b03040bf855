import { engineImage } from "../engines/engine-image.ts";
import type { ContainerEngine } from "../engines/engine.ts";
import { parseGpuPolicy } from "../plan/gpu/policy.ts";
import { heedFloor, imageTag } from "../plan/security-floor.ts";
import type { Settings } from "../plan/settings.ts";
import type { RunContext } from "../run-context.ts";
import type { ContainerWorld } from "./container-world.ts";
import type { DeployOptions } from "./deployment.ts";
import { choosePort, portOf, type PortWish } from "./free-port.ts";
import { portsOfProcess } from "./engine-process.ts";
import { settleGpu, type SettledGpu, warnOfOldDriver } from "./gpu.ts";
import { portsOf } from "./held-memory.ts";
import { chooseImages, preflightImages, type StackImages } from "./stack-images.ts";

/** What is settled whatever the model and its memory are: GPU, images, port. */
export interface ContainerChoice {
  readonly gpu: SettledGpu;
  readonly images: StackImages;
  readonly portWish: PortWish;
  readonly port: number;
  /** Of an engine below its security floor, by the version that it reports or else its image's tag: throws, or what to warn of. */
  readonly heed: (version?: string) => readonly string[];
}

export async function chooseParts(
  context: RunContext,
  settings: Settings,
  engine: ContainerEngine,
  world: ContainerWorld,
  { dryRun, anew }: DeployOptions,
): Promise<ContainerChoice> {
  const { runtime, daemon, containers, known, locked, process } = world;
  const { name, image: named, allowVulnerable: allowed } = settings;
  // Before a GPU is looked for in a container of it.
  if (named !== undefined) heedFloor(engine, [imageTag(named)], { allowed, instead: undefined });
  const gpu = await settleGpu(context, runtime, {
    stack: name,
    policy: parseGpuPolicy(settings.gpu),
    engine,
    daemon,
    // A restart is also for a GPU that was lost: it is looked for again.
    containers: anew ? [] : containers,
    images: (wanted) => preflightImages(engineImage(engine, wanted), settings, locked),
    mayTry: !dryRun,
    told: known?.warnings ?? [],
  });
  const standard = engineImage(engine, gpu.accelerator);
  const images = await chooseImages(context, runtime, standard, settings, locked);
  if (images.engine.pull && named === undefined) await warnOfOldDriver(context, standard);
  const heed = (version?: string): readonly string[] => {
    const { repository, tag } = standard;
    const instead = named === undefined ? `${repository}:${tag}` : undefined;
    return heedFloor(engine, [version, imageTag(images.engine.reference)], { allowed, instead });
  };
  heed();
  const own = [...portsOf(containers), ...portsOfProcess(process, portOf(known))];
  const portWish: PortWish = {
    wanted: settings.port,
    // Where the endpoint is lost, what runs still has it.
    previous: portOf(known) ?? own[0],
    own,
  };
  return { gpu, images, portWish, port: await choosePort(portWish), heed };
}
