import { StackError } from "../errors.ts";
import type { EngineInput } from "./engine.ts";
import { NO_CHAT_TEMPLATE } from "./failures.ts";

/** Arguments by which a user says how messages become a prompt; `_` in their names is read as `-`. */
const NAMED = new Set([
  "--chat-template",
  "--chat-template-file",
  "--tokenizer",
  "--tokenizer-mode",
  "--config",
]);

/** Whether arguments for an engine say how messages become a prompt: what the model's files say of that does not count then. */
export function namesTemplate(extraArgs: readonly string[]): boolean {
  return extraArgs.some((each) => NAMED.has((each.split("=")[0] ?? "").replaceAll("_", "-")));
}

/** Files that may bring what `snapshotTemplate` does not look for: tokenizers of Mistral, and processors of models that see. */
const MAY_RENDER = /^(?:tekken\.json|tokenizer\.model\.v\d+|processor_config\.json)$/;

/** What an engine does without the template of a model. */
export interface TemplateHabits {
  readonly title: string;
  /** Kinds (`model_type` of `config.json`) for which it has a template or a renderer of its own. */
  readonly rendered: RegExp;
  /** The same by the model's name, for an engine that guesses by the path of its folder. */
  readonly renderedByName?: RegExp;
  /** Whether a family that `facts.chatFamily` names gets a template of ours. */
  readonly takesOurs: boolean;
  /** The commands, best first, one on a line. */
  readonly next: string;
}

/**
 * A model that the engine answers no message with, as `MODEL_UNAVAILABLE`: without a template it says so only when it is asked,
 * a minute after its start. Undefined where it is not sure.
 */
export function withoutTemplate(
  { title, rendered, renderedByName, takesOurs, next }: TemplateHabits,
  { model, extraArgs }: EngineInput,
): StackError | undefined {
  if (model?.format !== "safetensors") return undefined;
  const { hasChatTemplate, chatFamily, architecture } = model.facts;
  if (hasChatTemplate || namesTemplate(extraArgs) || (takesOurs && chatFamily !== undefined))
    return undefined;
  if (rendered.test(architecture) || renderedByName?.test(model.reference)) return undefined;
  if (model.files.some(({ path }) => MAY_RENDER.test(path))) return undefined;
  return new StackError("MODEL_UNAVAILABLE", {
    what: `${title} can't answer with ${model.reference}.`,
    why: `${NO_CHAT_TEMPLATE} Most models have an instruct (chat) variant, with one.`,
    next,
  });
}
