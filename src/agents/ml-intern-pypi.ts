import type { Agent } from "./agent.ts";
import {
  commonNotes,
  ML_INTERN_MINIMUM_CONTEXT,
  quietEnv,
  quietKeys,
  tellWindow,
} from "./ml-intern-quiet.ts";

/** The one release on PyPI (0.1.0, April 2026): it knows no local server, but `openai/…` follows LiteLLM's variables. */
export const mlInternPypi = {
  name: "ml-intern:pypi",
  title: "ml-intern 0.1.0 (PyPI)",
  summary: "Hugging Face's ML engineer as released on PyPI, with litellm==1.83.0.",
  minimumContext: ML_INTERN_MINIMUM_CONTEXT,
  needsTools: true,
  emit: (input) => {
    const { endpoint, home } = input;
    const modelId = `openai/${endpoint.model}`;
    const window = tellWindow(input, modelId, "openai");
    return {
      env: {
        // Without some token it stops at once; the proxy variables keep this one from being tried.
        ...quietEnv(input, "none"),
        // LiteLLM reads either: both, or one in the user's shell would win.
        OPENAI_BASE_URL: endpoint.apiBase,
        OPENAI_API_BASE: endpoint.apiBase,
        OPENAI_API_KEY: endpoint.apiKey,
      },
      searchPaths: window.searchPaths,
      files: [
        {
          path: `${home}/.config/ml-intern/cli_agent_config.json`,
          variable: "ML_INTERN_CLI_CONFIG",
          format: "json",
          owner: "theirs",
          secrets: [],
          edits: [{ path: ["model_name"], value: modelId }, ...quietKeys()],
        },
        ...window.files,
      ],
      run: 'ml-intern "say hello"',
      notes: [
        "Install with `pip install ml-intern==0.1.0 litellm==1.83.0`: LiteLLM 1.82.7, 1.82.8 and 1.107.0 were compromised.",
        ...commonNotes(endpoint),
      ],
    };
  },
} as const satisfies Agent;
