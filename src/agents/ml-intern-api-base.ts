import type { Agent } from "./agent.ts";
import {
  commonNotes,
  ML_INTERN_MINIMUM_CONTEXT,
  quietEnv,
  quietKeys,
  tellWindow,
} from "./ml-intern-quiet.ts";

/** Copies that took the change once proposed for local models: an `api_base` key, or `LITELLM_API_BASE`. */
export const mlInternApiBase = {
  name: "ml-intern:api-base",
  title: "ml-intern (api_base)",
  summary:
    "Copies of ml-intern that read api_base from main_agent_config.json, or LITELLM_API_BASE.",
  minimumContext: ML_INTERN_MINIMUM_CONTEXT,
  needsTools: true,
  emit: (input) => {
    const { endpoint, cwd, supportDir } = input;
    const modelId = `openai/${endpoint.model}`;
    const window = tellWindow(input, modelId, "openai");
    const overlay = `${supportDir}/cli_agent_config.json`;
    const edits = [
      { path: ["model_name"], value: modelId },
      { path: ["api_base"], value: endpoint.apiBase },
      ...quietKeys(),
    ];
    return {
      env: {
        ...quietEnv(input, "none"),
        ML_INTERN_CLI_CONFIG: overlay,
        LITELLM_API_BASE: endpoint.apiBase,
        OPENAI_BASE_URL: endpoint.apiBase,
        OPENAI_API_BASE: endpoint.apiBase,
        OPENAI_API_KEY: endpoint.apiKey,
        // The branch for any other id sends the hub router's token, and prefers this one.
        INFERENCE_TOKEN: endpoint.apiKey,
      },
      searchPaths: window.searchPaths,
      files: [
        {
          path: `${cwd}/configs/main_agent_config.json`,
          format: "json",
          owner: "theirs",
          secrets: [],
          mustExist: "Run this in the folder of the ml-intern checkout.",
          edits,
        },
        // Copies of April 2026 and later merge this over the one above.
        { path: overlay, format: "json", owner: "ours", secrets: [], edits },
        ...window.files,
      ],
      run: 'python -m agent.main "say hello"',
      notes: [
        "For forks only: upstream never took this form. Older ones need `--write` in the checkout too.",
        ...commonNotes(endpoint),
      ],
    };
  },
} as const satisfies Agent;
