import { StackError } from "../errors.ts";
import type { DaemonAddress } from "./address.ts";
import { httpWire, type Wire } from "./wire.ts";

/** The way to speak to `address`. */
export function openWire(address: DaemonAddress, apiVersion: string | undefined): Wire {
  if (address.kind !== "ssh") return httpWire(address, apiVersion);
  throw new StackError("DOCKER_UNREACHABLE", {
    what: `${address.text} is not supported yet.`,
    next: `Forward the socket, then use it: ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock ${address.target}`,
  });
}
