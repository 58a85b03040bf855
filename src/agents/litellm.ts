import type { Agent } from "./agent.ts";
import { authorityEnv } from "./authorities.ts";
import { cutsPrompts, inputTokens } from "./input-tokens.ts";

/** LiteLLM's proxy. Pinned because 1.82.7, 1.82.8 and 1.107.0 were published by an attacker. */
const VERSION = "1.83.0";

export const litellm = {
  name: "litellm",
  title: "LiteLLM proxy",
  summary: "A LiteLLM proxy that offers the model under its own name.",
  minimumContext: 0,
  needsTools: false,
  emit: ({ endpoint, configHome }) => {
    const path = `${configHome}/litellm/config.yaml`;
    const entry = ["model_list", { key: "model_name", equals: endpoint.model }];
    return {
      // The one thing that it fetches by itself: its catalogue of prices.
      env: { LITELLM_LOCAL_MODEL_COST_MAP: "True", ...authorityEnv(endpoint) },
      searchPaths: {},
      files: [
        {
          path,
          format: "yaml",
          owner: "theirs",
          secrets: [[...entry, "litellm_params", "api_key"]],
          edits: [
            {
              path: entry,
              value: {
                litellm_params: {
                  model: `openai/${endpoint.model}`,
                  api_base: endpoint.apiBase,
                  api_key: endpoint.apiKey,
                },
                model_info: {
                  max_input_tokens: inputTokens(endpoint),
                  max_output_tokens: endpoint.maxOutputTokens,
                  input_cost_per_token: 0,
                  output_cost_per_token: 0,
                },
              },
            },
            { path: ["litellm_settings", "telemetry"], value: false },
            // The proxy then counts a prompt itself, by a tokenizer of its own, and refuses what exceeds `max_input_tokens`.
            ...(cutsPrompts(endpoint)
              ? [{ path: ["router_settings", "enable_pre_call_checks"], value: true }]
              : []),
          ],
        },
      ],
      // Without --host it listens on every interface.
      run: `litellm --config ${path} --host 127.0.0.1 --port 4000`,
      notes: [
        `Install litellm[proxy]==${VERSION}; versions 1.82.7, 1.82.8 and 1.107.0 were compromised.`,
      ],
    };
  },
} as const satisfies Agent;
