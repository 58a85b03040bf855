import { createServer } from "node:net";
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

/** A free port on 127.0.0.1. A port that was asked for and is taken is `PORT_BUSY`. */
export async function choosePort(wish: PortWish): Promise<number> {
  const usable = async (port: number): Promise<boolean> =>
    wish.own.includes(port) || (await isFree(port));
  if (wish.wanted !== 0) {
    if (await usable(wish.wanted)) return wish.wanted;
    throw new StackError("PORT_BUSY", {
      what: `Port ${wish.wanted} on 127.0.0.1 is taken by another program.`,
      next: "leave out --port, and a free one is taken",
    });
  }
  if (wish.previous !== undefined && (await usable(wish.previous))) return wish.previous;
  for (let port = FIRST_PORT; port < FIRST_PORT + PORTS; port += 1) {
    if (await usable(port)) return port;
  }
  throw new StackError("PORT_BUSY", {
    what: `No port from ${FIRST_PORT} to ${FIRST_PORT + PORTS - 1} is free on 127.0.0.1.`,
    next: "stack up --port <a free one>",
  });
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
