import { shellQuote } from "./shell-quote.ts";

/** `--dtype` of `--dtype`, `--dtype=half` and `-n`; a negative number is a value. vLLM takes `_` for `-`. */
function optionOf(word: string): string | undefined {
  return /^--?[A-Za-z][\w-]*/.exec(word)?.[0].replaceAll("_", "-");
}

/**
 * The engine's arguments as a command says them: those that were given, then those of the text (as it writes them), which replace
 * the same option with all its values. A text that names none (`<corrected arguments>`) means all of them.
 */
export function mergeArguments(given: readonly string[], said: string): string {
  if (said.startsWith("<")) return said;
  const replaced = new Set(said.split(" ").map(optionOf).filter(Boolean));
  const kept: string[] = [];
  let isReplaced = false;
  for (const word of given) {
    const option = optionOf(word);
    if (option !== undefined) isReplaced = replaced.has(option);
    if (!isReplaced) kept.push(shellQuote(word));
  }
  return [...kept, ...(said === "" ? [] : [said])].join(" ");
}
