import { StackError } from "../errors.ts";
import type { DaemonAddress } from "./address.ts";

/** One place where no daemon answered, and what is wrong there. */
export interface Refusal {
  readonly address: DaemonAddress;
  readonly why: string;
  /** What would cure it; undefined when nothing is known. */
  readonly next: string | undefined;
}

/** Reads the error of a connection attempt as a person would. */
export function refusal(address: DaemonAddress, error: unknown): Refusal {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const podman = address.text.includes("podman");
  const start = podman ? "systemctl --user start podman.socket" : "sudo systemctl start docker";
  switch (code) {
    case "ENOENT":
    case "ENOTDIR":
      return { address, why: "no such file", next: undefined };
    case "EACCES":
    case "EPERM":
      return {
        address,
        why: "permission denied",
        next: "Add yourself to the docker group and log in again: sudo usermod -aG docker $USER",
      };
    case "ECONNREFUSED":
      return { address, why: "refused: nothing listens there", next: `Start it: ${start}` };
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return { address, why: "the name of the machine is unknown", next: undefined };
    default:
      if (error instanceof DOMException && error.name === "TimeoutError") {
        return {
          address,
          why: "no answer in time: the daemon hangs",
          next: `Restart it: ${start}`,
        };
      }
      return {
        address,
        why: error instanceof Error ? error.message : String(error),
        next: undefined,
      };
  }
}

/** All places were tried. The cure shown is that of the first place where something was there. */
export function unreachableDaemon(refusals: readonly Refusal[]): StackError {
  const cure = refusals.find(({ next }) => next !== undefined)?.next;
  const [only] = refusals;
  return new StackError("DOCKER_UNREACHABLE", {
    what: "No container daemon answers.",
    why:
      refusals.length === 1 && only !== undefined
        ? `${only.address.text}: ${only.why}.`
        : "Neither Docker nor Podman was found in the usual places.",
    next:
      cure ??
      "Install Docker (https://docs.docker.com/engine/install/), or run `stack up` without an engine: it needs none.",
    detail: refusals.map(({ address, why }) => `${address.text}: ${why}`),
  });
}
