import { ollamaTemplateFor } from "./gguf/ollama-template.ts";
import type { ModelFacts } from "./model.ts";

/** What a model's own chat template (Jinja) says, whatever format the model is in. */
export function templateFacts(
  template: string | undefined,
  architecture: string,
): Pick<ModelFacts, "hasChatTemplate" | "templateHasTools" | "chatFamily"> {
  const family = ollamaTemplateFor(template, architecture)?.family;
  return {
    hasChatTemplate: template !== undefined,
    templateHasTools: template !== undefined && /\btools\b|tool_call/.test(template),
    ...(family === undefined ? {} : { chatFamily: family }),
  };
}
