import { createServer } from "node:net";
import type { Endpoint } from "../endpoint.ts";
import { StackError } from "../errors.ts";
import { isErrno } from "../host/atomic-write.ts";

/** First port that is tried, and how many after it: unassigned by IANA, below the ephemeral range. */
const FIRST_PORT = 11_500;
const PORTS = 100;

export interface PortWish {
  /** 0: any. */
  readonly wanted: number;
  /** The port that this stack had before, so that configured agents stay configured. */
  readonly previous: number | undefined;
  /** Ports that this stack itself holds now. */
  readonly own: readonly number[];
}

/** A free port on 127.0.0.1, none of `lost`. A port that was asked for and is taken is `PORT_BUSY`. */
export async function choosePort(
  { wanted, previous, own }: PortWish,
  lost: readonly number[] = [],
): Promise<number> {
  const usable = async (port: number): Promise<boolean> =>
    !lost.includes(port) && (own.includes(port) || (await isFree(port)));
  if (wanted !== 0) {
    if (await usable(wanted)) return wanted;
    throw new StackError("PORT_BUSY", {
      what: `Port ${wanted} on 127.0.0.1 is taken by another program.`,
      next: "stack up --port 0",
    });
  }
  if (previous !== undefined && (await usable(previous))) return previous;
  for (let port = FIRST_PORT; port < FIRST_PORT + PORTS; port += 1) {
    if (await usable(port)) return port;
  }
  throw new StackError("PORT_BUSY", {
    what: `No port from ${FIRST_PORT} to ${FIRST_PORT + PORTS - 1} is free on 127.0.0.1.`,
    next: "stack up --port <a free one>",
  });
}

/** The port of an endpoint of ours; an adopted server keeps its own, which is no use for anything else. */
export function portOf(endpoint: Endpoint | undefined): number | undefined {
  if (endpoint === undefined || endpoint.adopted === true) return undefined;
  return Number(new URL(endpoint.apiBase).port);
}

/** How often another program may be quicker before that is an error. */
const TRIES = 5;

/**
 * Does `work` on the port that was chosen, and again on another each time that it fails with `PORT_BUSY`: between
 * choosing a port and listening on it, somebody else can take it. A port that was asked for is not exchanged.
 */
export async function onFreePort<T>(
  wish: PortWish,
  chosen: number,
  work: (port: number) => Promise<T>,
): Promise<T> {
  const lost: number[] = [];
  for (let port = chosen; ; port = await choosePort(wish, lost)) {
    try {
      return await work(port);
    } catch (error) {
      lost.push(port);
      const busy = error instanceof StackError && error.code === "PORT_BUSY";
      if (!busy || wish.wanted !== 0 || lost.length === TRIES) throw error;
    }
  }
}

async function isFree(port: number): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const server = createServer();
  server.once("error", (error) => {
    if (isErrno(error, "EADDRINUSE", "EACCES")) resolve(false);
    else reject(error);
  });
  server.listen({ host: "127.0.0.1", port, exclusive: true }, () => {
    server.close(() => resolve(true));
  });
  return promise;
}
