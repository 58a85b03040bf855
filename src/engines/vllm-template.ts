import { StackError } from "../errors.ts";
import type { EngineInput } from "./engine.ts";
import { NO_CHAT_TEMPLATE } from "./failures.ts";

/** Arguments by which a user says how messages become a prompt; vLLM reads `_` in their names as `-`. */
const NAMED = new Set(["--chat-template", "--tokenizer", "--tokenizer-mode", "--config"]);

/**
 * Kinds (`model_type`) for which vLLM has a template or a renderer of its own: vllm/transformers_utils/chat_templates/registry.py,
 * and the tokenizer modes that vllm/config/model.py sets by architecture (`git` is Grok 2); 0.32.0 and the versions around it.
 */
const RENDERED_BY_VLLM =
  /^(?:blip-2|chameleon|clip|colpali|deepseek_|florence2|fuyu|git$|inkling|kimi_(?:audio|k3)|minicpmv|paligemma|qwen$|rwkv7|siglip|unlimited[-_]ocr)/;

/** Files that may bring what `snapshotTemplate` does not look for: tokenizers of Mistral, and processors of models that see. */
const MAY_RENDER = /^(?:tekken\.json|tokenizer\.model\.v\d+|processor_config\.json)$/;

/** What helps where a template is missing. By its text: the container sees no file of the user's. */
export const OTHER_TEMPLATE =
  'choose the model\'s instruct (chat) variant, or give a template: stack up vllm -- --chat-template "$(cat FILE)"';

/**
 * A model that vLLM answers no message with, as `MODEL_UNAVAILABLE`: without a template it says so only when it is asked,
 * a minute after its start. Undefined where it is not sure.
 */
export function withoutTemplate({ model, extraArgs }: EngineInput): StackError | undefined {
  if (model?.format !== "safetensors") return undefined;
  const { hasChatTemplate, chatFamily, architecture } = model.facts;
  const given = extraArgs.some((each) =>
    NAMED.has((each.split("=")[0] ?? "").replaceAll("_", "-")),
  );
  // For a family that is known, ours is used.
  if (hasChatTemplate || chatFamily !== undefined || given) return undefined;
  if (RENDERED_BY_VLLM.test(architecture)) return undefined;
  if (model.files.some(({ path }) => MAY_RENDER.test(path))) return undefined;
  return new StackError("MODEL_UNAVAILABLE", {
    what: `vLLM can't answer with ${model.reference}.`,
    why: NO_CHAT_TEMPLATE,
    next: OTHER_TEMPLATE,
  });
}
