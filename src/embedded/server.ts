import type { Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import type { EmbeddedConfig } from "./config.ts";
import { EmbeddedError } from "./embedded-error.ts";
import { type AppDeps, createApp } from "./http/app.ts";

/** Clients keep connections for reuse; closing them after Node's 5 s makes a request now and then hit a closing one. */
const KEEP_ALIVE_MS = 75_000;

/** Opens the socket. A port that is taken is a `PORT_BUSY`. */
export async function listen(deps: AppDeps): Promise<Server> {
  const app = createApp(deps);
  const server = createAdaptorServer({
    fetch: app.fetch,
    overrideGlobalObjects: false,
    // What we refuse to read is not drained either; see body.ts.
    autoCleanupIncoming: false,
  }) as Server;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(listenError(error, deps.config)));
    server.listen(deps.config.port, deps.config.host, () => resolve());
  });
  return server;
}

function listenError(error: NodeJS.ErrnoException, { host, port }: EmbeddedConfig): EmbeddedError {
  if (error.code === "EADDRINUSE" || error.code === "EACCES") {
    return new EmbeddedError("PORT_BUSY", `Port ${port} on ${host} cannot be used: ${error.code}.`);
  }
  return new EmbeddedError("UNEXPECTED", `Listening failed: ${error.message}`, error);
}
