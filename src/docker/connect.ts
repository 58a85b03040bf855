import { access } from "node:fs/promises";
import { join } from "node:path";
import type { Host } from "../host/host.ts";
import { type DaemonAddress, parseAddress } from "./address.ts";
import { containers } from "./containers.ts";
import { chosenContext, contextAddress, dockerConfig, tlsFiles } from "./contexts.ts";
import { daemonFacts } from "./facts.ts";
import { images } from "./images.ts";
import { networks } from "./networks.ts";
import { type Refusal, refusal, unreachableDaemon } from "./refusals.ts";
import type { Runtime } from "./runtime.ts";
import { volumes } from "./volumes.ts";
import { openWire } from "./open-wire.ts";
import type { Wire } from "./wire.ts";

/** Newest API that this code was written against; a newer daemon is asked to speak it. */
const NEWEST_API = "1.51";
/** Of Engine 20.10; assumed where a daemon does not say. */
const OLDEST_API = "1.41";
/** Since this API a container can be created with several networks at once (Engine 25). */
const MANY_NETWORKS_API = 44;
/** A daemon that does not answer a ping within this is taken for hung, in milliseconds. A machine that swaps may need seconds. */
const PING_MS = 5000;

/** How long somebody waits: the signal fires when that is over, with a `TimeoutError`. */
export type Patience = Disposable & { readonly signal: AbortSignal };

interface ConnectOptions {
  readonly signal: AbortSignal;
  /** For the daemon at this address, where less is waited for it than for others. */
  readonly patience?: (address: DaemonAddress) => Patience;
}

/**
 * Finds the container daemon and speaks to it. In this order: `DOCKER_HOST`, the chosen Docker context, then the sockets of
 * Docker, rootless Docker, Docker Desktop and Podman. `DOCKER_UNREACHABLE` names each place with what is wrong there.
 */
export async function connect(host: Host, options: ConnectOptions): Promise<Runtime> {
  const refusals: Refusal[] = [];
  for (const address of await candidates(host)) {
    const found = await tryAddress(host, address, options);
    if ("runtime" in found) return found.runtime;
    refusals.push(found);
  }
  throw unreachableDaemon(refusals);
}

/** What the user chose is the only candidate: falling back to another daemon would start things in the wrong place. */
async function candidates(host: Host): Promise<readonly DaemonAddress[]> {
  const chosen = host.env["DOCKER_HOST"];
  if (chosen !== undefined && chosen !== "") {
    const { DOCKER_CERT_PATH: folder, DOCKER_TLS_VERIFY: verify } = host.env;
    const tls =
      folder !== undefined && folder !== ""
        ? await tlsFiles(folder, verify !== undefined && verify !== "")
        : undefined;
    return [parseAddress(chosen, tls)];
  }
  const context = chosenContext(host, await dockerConfig(host));
  if (context !== undefined) return [await contextAddress(host, context)];
  return usualSockets(host).map((text) => parseAddress(text));
}

function usualSockets(host: Host): readonly string[] {
  if (host.platform === "win32") return ["npipe:////./pipe/docker_engine"];
  const runtimeDir = host.env["XDG_RUNTIME_DIR"];
  return [
    "/var/run/docker.sock",
    ...(runtimeDir === undefined ? [] : [join(runtimeDir, "docker.sock")]),
    join(host.paths.home, ".docker", "run", "docker.sock"),
    ...(runtimeDir === undefined ? [] : [join(runtimeDir, "podman", "podman.sock")]),
    "/run/podman/podman.sock",
  ].map((path) => `unix://${path}`);
}

async function tryAddress(
  host: Host,
  address: DaemonAddress,
  { signal, patience }: ConnectOptions,
): Promise<{ readonly runtime: Runtime } | Refusal> {
  try {
    // The client takes 100 ms to load: where there is no socket, none is needed to find that out.
    if (address.kind === "socket" && host.platform !== "win32") await access(address.path);
    using waited = patience?.(address);
    const ping = await openWire(host, address, undefined);
    const answer = await ping({
      method: "GET",
      path: "/_ping",
      deadlineMs: PING_MS,
      signal: waited === undefined ? signal : AbortSignal.any([signal, waited.signal]),
    });
    answer.body.resume();
    if (answer.status !== 200) {
      return {
        address,
        why: `answers HTTP ${answer.status}: not a container daemon`,
        found: true,
        next: undefined,
      };
    }
    const served = String(answer.headers["api-version"] ?? OLDEST_API);
    const api = apiMinor(served) > apiMinor(NEWEST_API) ? NEWEST_API : served;
    return { runtime: runtimeOver(host, address, await openWire(host, address, api), api) };
  } catch (error) {
    if (signal.aborted) throw error;
    return refusal(address, error, host.platform);
  }
}

function runtimeOver(host: Host, address: DaemonAddress, wire: Wire, api: string): Runtime {
  return {
    address: address.text,
    facts: (signal) => daemonFacts(wire, address, signal),
    images: images(wire, host),
    containers: containers(wire, apiMinor(api) >= MANY_NETWORKS_API),
    networks: networks(wire),
    volumes: volumes(wire),
  };
}

/** `1.44` → 44. Docker's API has never had another major version. */
function apiMinor(version: string): number {
  return Number(version.split(".")[1] ?? 0);
}
