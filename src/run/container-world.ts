import { connect } from "../docker/connect.ts";
import type { ContainerFacts, DaemonFacts, NetworkFacts, Runtime } from "../docker/runtime.ts";
import type { Endpoint } from "../endpoint.ts";
import type { ContainerEngine } from "../engines/engine.ts";
import { StackError } from "../errors.ts";
import type { ModelReference, StoredModel } from "../models/model.ts";
import { parseReference } from "../models/reference.ts";
import { openStore, type Store } from "../models/store.ts";
import { LABEL } from "../plan/labels.ts";
import type { ResolvedSettings } from "../plan/settings.ts";
import type { RunContext } from "../run-context.ts";
import { runningEngineProcess, type RunningProcess } from "./engine-process.ts";
import { imageLockFile, type LockedImages, readImageLock } from "./image-lock.ts";
import { ensureKey, readEndpoint, readKey, type StackFolder, stackFolder } from "./stack-folder.ts";

/** What is there before anything is decided: the daemon, the model, and what the stack's name has. */
export interface ContainerWorld {
  readonly runtime: Runtime;
  readonly daemon: DaemonFacts;
  readonly folder: StackFolder;
  readonly store: Store;
  readonly reference: ModelReference;
  readonly model: {
    /** Canonical. */
    readonly reference: string;
    readonly stored: StoredModel | undefined;
  };
  readonly lockFile: string;
  readonly locked: LockedImages;
  readonly known: Endpoint | undefined;
  readonly containers: readonly ContainerFacts[];
  readonly networks: readonly NetworkFacts[];
  /** An embedded engine under that name. */
  readonly process: RunningProcess | undefined;
  /** Made where there was none, but for a dry run, which needs none. */
  readonly apiKey: string;
}

/** `DOCKER_UNREACHABLE` also for a daemon on another machine: it can't see this one's models. */
export async function lookAround(
  context: RunContext,
  resolved: ResolvedSettings,
  engine: Pick<ContainerEngine, "format">,
  dryRun: boolean,
): Promise<ContainerWorld> {
  const { host, signal } = context;
  const { name, model: wanted } = resolved.values;
  const folder = stackFolder(host, name);
  const store = openStore(context);
  const reference = parseReference(wanted);
  const lockFile = imageLockFile(host, resolved);
  const label = { [LABEL.name]: name };

  const runtime = await connect(host, { signal });
  const [daemon, model, known, locked, containers, networks, process, key] = await Promise.all([
    runtime.facts(signal),
    store.plan(reference, engine.format),
    readEndpoint(folder),
    readImageLock(lockFile),
    runtime.containers.list(label, signal),
    runtime.networks.list(label, signal),
    runningEngineProcess(host, folder),
    dryRun ? readKey(folder) : ensureKey(folder),
  ]);
  if (!daemon.local) throw remoteDaemon(daemon.address);
  return {
    runtime,
    daemon,
    folder,
    store,
    reference,
    model,
    lockFile,
    locked,
    known,
    containers,
    networks,
    process,
    apiKey: key ?? "",
  };
}

function remoteDaemon(address: string): StackError {
  return new StackError("DOCKER_UNREACHABLE", {
    what: `The container daemon at ${address} is on another machine.`,
    why: "Models are mounted from this machine's disk, which it can't see.",
    next: `run stack there: ssh ${new URL(address).hostname || "host"}`,
  });
}
