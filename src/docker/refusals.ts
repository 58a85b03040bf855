import { StackError } from "../errors.ts";
import { type DaemonAddress, isLocal } from "./address.ts";
import { serviceOf } from "./daemon-service.ts";

/** One place where no daemon answered, and what is wrong there. */
export interface Refusal {
  readonly address: DaemonAddress;
  readonly why: string;
  /** Whether something is there. */
  readonly found: boolean;
  /** What would cure it; undefined when nothing is known. */
  readonly next: string | undefined;
}

/** Reads the error of a connection attempt as a person would. */
export function refusal(
  address: DaemonAddress,
  error: unknown,
  platform: NodeJS.Platform,
): Refusal {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const service = serviceOf(address, platform);
  switch (code) {
    case "ENOENT":
    case "ENOTDIR":
      return { address, why: "no such file", found: false, next: undefined };
    case "EACCES":
    case "EPERM":
      return { address, why: "permission denied", found: true, next: service?.open };
    case "ECONNREFUSED":
      return { address, why: "refused: nothing listens there", found: true, next: service?.start };
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return { address, why: "the name of the machine is unknown", found: false, next: undefined };
    default:
      if (error instanceof DOMException && error.name === "TimeoutError") {
        const hangs = isLocal(address) ? "the daemon hangs" : "the daemon or the way to it hangs";
        const why = `no answer in time: ${hangs}`;
        return { address, why, found: true, next: service?.restart };
      }
      return {
        address,
        why: error instanceof Error ? error.message : String(error),
        found: true,
        next: undefined,
      };
  }
}

/** Said where nothing is there to be started: what is to be installed depends on the machine, and one engine needs none. */
const WITHOUT =
  "Engines in containers need Docker (https://docs.docker.com/engine/install/); the embedded one does not.";

/** All places were tried. The cure shown is that of the first place that has one, else what is wrong where something is. */
export function unreachableDaemon(refusals: readonly Refusal[]): StackError {
  const shown =
    refusals.find(({ next }) => next !== undefined) ??
    refusals.find(({ found }) => found) ??
    (refusals.length === 1 ? refusals[0] : undefined);
  const found =
    shown === undefined
      ? "Neither Docker nor Podman was found in the usual places."
      : `${shown.address.text}: ${shown.why}.`;
  return new StackError("DOCKER_UNREACHABLE", {
    what: "No container daemon answers.",
    why: shown?.next === undefined ? `${found} ${withoutCure(shown)}` : found,
    next: shown?.next ?? "stack up embedded",
    detail: refusals.map(({ address, why }) => `${address.text}: ${why}`),
  });
}

function withoutCure(shown: Refusal | undefined): string {
  if (shown?.found !== true) return WITHOUT;
  const { address } = shown;
  const where =
    address.kind === "socket" || isLocal(address)
      ? "No command is known here that would mend it"
      : `That daemon is on ${address.host}, and no service of this machine mends it`;
  return `${where}; the embedded engine needs no daemon.`;
}
