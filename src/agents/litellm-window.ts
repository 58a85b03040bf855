import type { Endpoint } from "../endpoint.ts";
import { inputTokens } from "./input-tokens.ts";

/**
 * A Python start-up file that tells LiteLLM how large the served model's window is.
 *
 * Agents on LiteLLM ask its catalogue when to compact a conversation; a model that it does not know is
 * taken for a large one (ml-intern: 200,000 tokens), so the conversation overflows the engine first.
 * The catalogue can be replaced by URL only, and by a whole one; this adds one entry once LiteLLM is loaded.
 *
 * @param modelId the id as the agent writes it, such as `openai/smollm2:135m`
 * @param provider LiteLLM's provider for that id
 */
export function litellmWindow(endpoint: Endpoint, modelId: string, provider: string): string {
  const entry = {
    litellm_provider: provider,
    mode: "chat",
    max_tokens: endpoint.maxOutputTokens,
    max_input_tokens: inputTokens(endpoint),
    max_output_tokens: endpoint.maxOutputTokens,
    input_cost_per_token: 0,
    output_cost_per_token: 0,
  };
  return `# Made by stack. Python loads this at start-up because PYTHONPATH names its folder.
# It tells LiteLLM, once that is loaded, how large the window of the local model is.
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys

MODELS = ${JSON.stringify({ [modelId]: entry }, undefined, 4)}


class _TellLiteLLM(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name != "litellm":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return spec
        load = spec.loader.exec_module

        def load_and_tell(module):
            load(module)
            # Not register_model(): it would ask a server about ids that start with "ollama/".
            module.model_cost.update(MODELS)

        spec.loader.exec_module = load_and_tell
        return spec


sys.meta_path.insert(0, _TellLiteLLM())

# Python loads only one sitecustomize: run the one that this hides.
_here = os.path.dirname(os.path.abspath(__file__))
_hidden = importlib.machinery.PathFinder.find_spec(
    "sitecustomize", [entry for entry in sys.path if os.path.abspath(entry or ".") != _here]
)
if _hidden is not None and _hidden.loader is not None:
    _hidden.loader.exec_module(importlib.util.module_from_spec(_hidden))
`;
}
