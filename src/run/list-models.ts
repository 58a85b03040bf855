import { type Endpoint, endpointOrigin } from "../endpoint.ts";
import { ask } from "../gate/ask.ts";
import { authoritiesFor } from "./authorities.ts";
import type { RunContext } from "../run-context.ts";

/** Milliseconds that an endpoint of ours has to list its models: an engine that is busy still does within some tens. */
const OWN_MS = 200;
/** One that is adopted may be on the other side of the world. */
const ADOPTED_MS = 2000;

/** What an endpoint says of its model just now: it is in the list, it is not, the key is refused, or there is no answer. */
export type ModelAnswer = "listed" | "unlisted" | "refused" | "silent";

/** Asks for the list of models. A server without a list counts as having it if it knows the path of none. */
export async function askForModel(
  context: RunContext,
  endpoint: Endpoint | undefined,
): Promise<ModelAnswer> {
  if (endpoint === undefined) return "silent";
  const { adopted = false, apiBase, apiKey, model, ca } = endpoint;
  const limit = AbortSignal.timeout(adopted ? ADOPTED_MS : OWN_MS);
  try {
    const { status, text } = await ask(
      { method: "GET", path: "/v1/models", read: "whole" },
      {
        origin: endpointOrigin(endpoint),
        apiBase,
        apiKey,
        secureContext: await authoritiesFor(context, apiBase, ca),
        signal: AbortSignal.any([context.signal, limit]),
      },
    );
    if (status === 200) return text.includes(JSON.stringify(model)) ? "listed" : "unlisted";
    if (status === 401 || status === 403) return "refused";
    return adopted && (status === 404 || status === 405) ? "listed" : "silent";
  } catch (error) {
    if (context.signal.aborted) throw error;
    return "silent";
  }
}
