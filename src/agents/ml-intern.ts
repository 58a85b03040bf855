import { endpointOrigin } from "../endpoint.ts";
import type { Agent } from "./agent.ts";
import {
  commonNotes,
  ML_INTERN_MINIMUM_CONTEXT,
  quietEnv,
  quietKeys,
  tellWindow,
} from "./ml-intern-quiet.ts";

/** Its prefixes for local servers, with the stem of the variables that go with each (agent/core/local_models.py). */
const PREFIXES: Readonly<Record<string, { readonly prefix: string; readonly stem: string }>> = {
  ollama: { prefix: "ollama", stem: "OLLAMA" },
  vllm: { prefix: "vllm", stem: "VLLM" },
  lmstudio: { prefix: "lm_studio", stem: "LMSTUDIO" },
};
/** Any OpenAI-compatible server will do behind it. */
const DEFAULT_PREFIX = { prefix: "llamacpp", stem: "LLAMACPP" };

/** The generation in git (June 2026), which knows local servers by a prefix of the model id. */
export const mlIntern = {
  name: "ml-intern",
  title: "ml-intern (git)",
  summary: "Hugging Face's ML engineer, from its repository: ids such as ollama/… and llamacpp/….",
  minimumContext: ML_INTERN_MINIMUM_CONTEXT,
  needsTools: true,
  emit: (input) => {
    const { endpoint, home } = input;
    const { prefix, stem } = PREFIXES[endpoint.engine] ?? DEFAULT_PREFIX;
    const modelId = `${prefix}/${endpoint.model}`;
    const window = tellWindow(input, modelId, prefix === "ollama" ? "ollama" : "openai");
    return {
      env: {
        ...quietEnv(input, ""),
        [`${stem}_BASE_URL`]: endpoint.apiBase,
        [`${stem}_API_KEY`]: endpoint.apiKey,
        // LiteLLM itself asks the Ollama server about the model, and knows only this variable.
        ...(stem === "OLLAMA" ? { OLLAMA_API_BASE: endpointOrigin(endpoint) } : {}),
      },
      searchPaths: window.searchPaths,
      files: [
        {
          path: `${home}/.config/ml-intern/cli_agent_config.json`,
          variable: "ML_INTERN_CLI_CONFIG",
          format: "json",
          owner: "theirs",
          secrets: [],
          edits: [
            { path: ["model_name"], value: modelId },
            ...quietKeys(),
            // The sandbox runs on the hub and wants a token.
            { path: ["tool_runtime"], value: "local" },
          ],
        },
        ...window.files,
      ],
      run: 'ml-intern "say hello"',
      notes: commonNotes(endpoint),
    };
  },
} as const satisfies Agent;
