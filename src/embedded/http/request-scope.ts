import type { Engine } from "../llama/engine.ts";
import { ApiError, unavailable } from "../openai/api-error.ts";
import type { AppContext, AppDeps } from "./app.ts";

/** Aborts when the client leaves before its answer is complete, or the server stops. */
export function requestSignal(c: AppContext, deps: AppDeps): AbortSignal {
  const { outgoing } = c.env;
  const left = new AbortController();
  outgoing.once("close", () => {
    if (!outgoing.writableFinished) left.abort(new Error("the client left"));
  });
  return AbortSignal.any([left.signal, deps.stopping]);
}

/** The engine, or a 503 that says when to ask again. */
export function readyEngine(deps: AppDeps): Engine {
  const state = deps.state();
  if (state.phase === "ready") return state.engine;
  if (state.phase === "stopping") throw unavailable("The server is stopping.", "stopping", 5);
  throw unavailable(
    `The model is being loaded (${Math.floor(state.progress * 100)} %).`,
    "model_loading",
    1,
  );
}

/** Clients name the model they want; another than the served one is a mistake in their configuration. */
export function checkModel(name: string | undefined, deps: AppDeps): void {
  if (name === undefined || name === deps.config.servedName) return;
  throw new ApiError({
    status: 404,
    message: `The model '${name}' does not exist; this server serves '${deps.config.servedName}'.`,
    param: "model",
    code: "model_not_found",
  });
}
