import type { Json } from "../openai/chat-response.ts";
import type { AppContext, AppDeps } from "./app.ts";
import { checkModel, readyEngine } from "./request-scope.ts";

/** `GET /v1/models`. Also while loading refused: a listed model is one that answers. */
export function modelsRoute(c: AppContext, deps: AppDeps): Response {
  return c.json({ object: "list", data: [modelJson(deps)] });
}

/** `GET /v1/models/{id}` */
export function modelRoute(c: AppContext, deps: AppDeps): Response {
  const model = modelJson(deps);
  checkModel(c.req.param("id"), deps);
  return c.json(model);
}

/** OpenAI's fields, and where other servers put the context window: vLLM, LM Studio, llama-server. */
function modelJson(deps: AppDeps): Json {
  const engine = readyEngine(deps);
  return {
    id: deps.config.servedName,
    object: "model",
    created: engine.createdSeconds,
    owned_by: "stack",
    context_length: engine.context,
    max_model_len: engine.context,
    meta: { n_ctx: engine.context, n_ctx_train: engine.trainedContext },
  };
}

/** `GET /metrics` */
export function metricsRoute(c: AppContext, deps: AppDeps): Response {
  const state = deps.state();
  const engine = state.phase === "ready" ? state.engine : undefined;
  const text = deps.metrics.render(
    engine === undefined
      ? undefined
      : {
          waiting: engine.pool.waiting + engine.embedder.waiting,
          active: engine.pool.active,
          slots: deps.config.parallel,
          context: engine.context,
          model: deps.config.servedName,
          architecture: engine.architecture,
        },
  );
  return c.text(text, 200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
}
