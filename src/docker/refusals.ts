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
        // Podman's for everybody is root's; each user can have one of their own.
        next: podman ? start : "sudo usermod -aG docker $USER && newgrp docker",
      };
    case "ECONNREFUSED":
      return { address, why: "refused: nothing listens there", next: start };
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return { address, why: "the name of the machine is unknown", next: undefined };
    default:
      if (error instanceof DOMException && error.name === "TimeoutError") {
        return {
          address,
          why: "no answer in time: the daemon hangs",
          next: start.replace("start", "restart"),
        };
      }
      return {
        address,
        why: error instanceof Error ? error.message : String(error),
        next: undefined,
      };
  }
}

/** Said where nothing is there to be started: what is to be installed depends on the machine, and one engine needs none. */
const WITHOUT =
  "Engines in containers need Docker (https://docs.docker.com/engine/install/); the embedded one does not.";

/** All places were tried. The cure shown is that of the first place where something was there. */
export function unreachableDaemon(refusals: readonly Refusal[]): StackError {
  const there = refusals.find(({ next }) => next !== undefined);
  const shown = there ?? (refusals.length === 1 ? refusals[0] : undefined);
  const found =
    shown === undefined
      ? "Neither Docker nor Podman was found in the usual places."
      : `${shown.address.text}: ${shown.why}.`;
  return new StackError("DOCKER_UNREACHABLE", {
    what: "No container daemon answers.",
    why: there === undefined ? `${found} ${WITHOUT}` : found,
    next: there?.next ?? "stack up embedded",
    detail: refusals.map(({ address, why }) => `${address.text}: ${why}`),
  });
}
