import type { HttpBindings } from "@hono/node-server";
import { type Context, Hono } from "hono";
import type { EmbeddedConfig } from "../config.ts";
import type { Clock } from "../../host/host.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import { ApiError } from "../openai/api-error.ts";
import type { ServerState } from "../server-state.ts";
import { forbiddenHost, isLocalHost, keyChecker, unauthorised } from "./guards.ts";

export type AppContext = Context<{ Bindings: HttpBindings }>;

/** What the routes are given. */
export interface AppDeps {
  readonly config: EmbeddedConfig;
  readonly state: () => ServerState;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly clock: Clock;
  /** Aborts when the process is told to end. */
  readonly stopping: AbortSignal;
}

type Handler = (c: AppContext, deps: AppDeps) => Response | Promise<Response>;

/** The routes are loaded when the first of them is asked for, so that the socket opens without them. */
const ROUTES: Readonly<
  Record<string, { readonly method: "get" | "post"; readonly load: () => Promise<Handler> }>
> = {
  "/v1/chat/completions": {
    method: "post",
    load: async () => (await import("./chat-route.ts")).chatRoute,
  },
  "/v1/completions": {
    method: "post",
    load: async () => (await import("./completion-route.ts")).completionRoute,
  },
  "/v1/embeddings": {
    method: "post",
    load: async () => (await import("./embedding-route.ts")).embeddingRoute,
  },
  "/v1/models": {
    method: "get",
    load: async () => (await import("./model-routes.ts")).modelsRoute,
  },
  "/v1/models/:id{.+}": {
    method: "get",
    load: async () => (await import("./model-routes.ts")).modelRoute,
  },
  "/metrics": {
    method: "get",
    load: async () => (await import("./model-routes.ts")).metricsRoute,
  },
};

export function createApp(deps: AppDeps): Hono<{ Bindings: HttpBindings }> {
  const { config, metrics, log } = deps;
  const app = new Hono<{ Bindings: HttpBindings }>();
  const mayEnter = keyChecker(config.apiKey);

  app.use(async (c, next) => {
    await next();
    metrics.request(c.req.routePath === "/*" ? "other" : c.req.routePath, c.res.status);
  });
  app.use(async (c, next) => {
    if (!isLocalHost(c.req.header("host"))) throw forbiddenHost();
    const authorization = c.req.header("authorization");
    if (c.req.path !== "/health" && !mayEnter(authorization)) throw unauthorised(authorization);
    await next();
  });
  app.get("/health", (c) => health(c, deps.state()));
  for (const [path, { method, load }] of Object.entries(ROUTES)) {
    app[method](path, async (c) => (await load())(c, deps));
  }
  for (const [path, method] of [
    ["/health", "GET"],
    ...Object.entries(ROUTES).map(([path, route]) => [path, route.method.toUpperCase()] as const),
  ] as const) {
    app.all(path, (c) => {
      throw new ApiError({
        status: 405,
        message: `${c.req.method} is not allowed here; use ${method}.`,
        code: "method_not_allowed",
        headers: { allow: method },
      });
    });
  }
  app.notFound((c) =>
    refuse(
      new ApiError({
        status: 404,
        message: `There is nothing at ${c.req.path}.`,
        code: "unknown_url",
      }),
    ),
  );
  app.onError((error) => {
    if (error instanceof ApiError) return refuse(error);
    log("error", "request-failed", { message: error.message });
    return refuse(unexpected(error));
  });
  return app;
}

function health(c: AppContext, state: ServerState): Response {
  if (state.phase === "ready") return c.json({ status: "ok" });
  const body =
    state.phase === "loading"
      ? { status: "loading", progress: state.progress }
      : { status: "stopping" };
  return c.json(body, 503, { "retry-after": "1" });
}

function refuse(error: ApiError): Response {
  return Response.json(error, { status: error.status, headers: error.headers });
}

/** A defect of ours, in the shape that clients can read. */
export function unexpected(error: unknown): ApiError {
  return new ApiError({
    status: 500,
    type: "server_error",
    message: `The server failed: ${error instanceof Error ? error.message : String(error)}`,
    code: "internal_error",
  });
}
