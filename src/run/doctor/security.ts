import { reachableRuntime } from "../ask-docker.ts";
import type { ContainerFacts } from "../../docker/runtime.ts";
import { readEndpoint, stackFolder, stackNames } from "../stack-folder.ts";
import { readImageLock } from "../image-lock.ts";
import { containerEngines } from "../../engines/index.ts";
import type { ContainerEngine } from "../../engines/engine.ts";
import { StackError } from "../../errors.ts";
import { LABEL } from "../../plan/labels.ts";
import { belowFloor, imageTag, vulnerableWarning } from "../../plan/security-floor.ts";
import type { Check, CheckWorld, Finding } from "./check.ts";

export const securityCheck: Check = {
  id: "security",
  title: "Security floor",
  // As long as Docker's: a daemon is looked for here too.
  deadlineMs: 12_000,
  run: async (world) => {
    const [running, locked] = await Promise.all([runningEngines(world), lockedImages(world)]);
    return securityFindings(running, locked);
  },
};

/** What runs, or is adopted. */
export interface RunningEngine {
  readonly stack: string;
  /** Name of the engine, or of the software that an adopted server was found to be. */
  readonly engine: string;
  readonly adopted: boolean;
  /** Undefined where none is known. */
  readonly image: string | undefined;
  /** What it said of itself when the gate asked. */
  readonly version: string | undefined;
}

/** `locked`: references in `stack.lock`. An image whose engine can't be told from its name has no floor here. */
export function securityFindings(
  running: readonly RunningEngine[],
  locked: readonly string[],
): readonly Finding[] {
  const findings = [...running.flatMap(runningFinding), ...locked.flatMap(lockedFinding)];
  const checked = running.length + locked.length;
  const summary = checked === 0 ? "no engine in use" : "no engine in use is older than its floor";
  return findings.length > 0 ? findings : [{ status: "ok", summary }];
}

function runningFinding({
  stack,
  engine: name,
  adopted,
  image,
  version,
}: RunningEngine): readonly Finding[] {
  const engine = containerEngines().find((each) => each.name === name);
  if (engine === undefined) return [];
  const { securityFloor: floor, title } = engine;
  const below = belowFloor(floor, version, imageTag(image ?? ""));
  if (below === undefined) return [];
  const named = stack === "default" ? "" : ` --name ${stack}`;
  const fix = adopted ? `update it to ${floor.version} or newer` : newer(engine, named);
  return [{ status: "warning", summary: `${stack}: ${vulnerableWarning(title, below)}`, fix }];
}

function lockedFinding(reference: string): readonly Finding[] {
  const engine = containerEngines().find((each) => imagesOf(each).includes(nameOf(reference)));
  if (engine === undefined) return [];
  const below = belowFloor(engine.securityFloor, imageTag(reference));
  if (below === undefined) return [];
  const summary = `stack.lock holds ${reference}: ${vulnerableWarning(engine.title, below)}`;
  return [{ status: "warning", summary, fix: newer(engine, "") }];
}

function newer({ name, image }: ContainerEngine, more: string): string {
  return `stack up ${name}${more} --image ${image.repository}:${image.tag}`;
}

/** Repositories, as in `registry.site:5000/ollama/ollama`: a mirror keeps the end of the name. */
function imagesOf({ image, acceleratedImages = {} }: ContainerEngine): readonly string[] {
  const all = [image.built, image.repository].filter((each) => each !== undefined);
  return [...all, ...Object.values(acceleratedImages).map(({ repository }) => repository)].map(
    nameOf,
  );
}

/** The last two parts of a repository, or the one. */
function nameOf(reference: string): string {
  const [repository = ""] = reference.replace(/@.*$/, "").split(/:(?=[^/]*$)/);
  return repository.split("/").slice(-2).join("/");
}

async function runningEngines(world: CheckWorld): Promise<readonly RunningEngine[]> {
  const [names, containers] = await Promise.all([stackNames(world.host), engineContainers(world)]);
  const running = containers.filter(({ state }) => state === "running");
  const stacks = new Set([...names, ...running.map(({ labels }) => labels[LABEL.name] ?? "")]);
  const found = await Promise.all(
    [...stacks].sort().map(async (stack): Promise<readonly RunningEngine[]> => {
      const endpoint = await readEndpoint(stackFolder(world.host, stack));
      const container = running.find(({ labels }) => labels[LABEL.name] === stack);
      const adopted = endpoint?.adopted === true;
      if (container === undefined && !adopted) return [];
      const { engineVersion: version, software } = endpoint?.measured ?? {};
      const engine = container?.labels[LABEL.engine] ?? software ?? endpoint?.engine ?? "";
      return [{ stack, engine, adopted, image: container?.image, version }];
    }),
  );
  return found.flat();
}

async function engineContainers(world: CheckWorld): Promise<readonly ContainerFacts[]> {
  try {
    const runtime = await reachableRuntime(world);
    return (await runtime?.containers.list({ [LABEL.role]: "engine" }, world.signal)) ?? [];
  } catch (error) {
    // What is wrong with the daemon is told by its own check.
    if (error instanceof StackError) return [];
    throw error;
  }
}

async function lockedImages({ lockFile }: CheckWorld): Promise<readonly string[]> {
  try {
    return Object.keys(await readImageLock(lockFile));
  } catch (error) {
    // A damaged lock is for `up` to refuse.
    if (error instanceof StackError) return [];
    throw error;
  }
}
