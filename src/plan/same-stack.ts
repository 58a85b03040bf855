import { flagName } from "./flag-name.ts";
import { mergeArguments } from "./merge-arguments.ts";
import { SETTING_KEYS } from "./resolve-settings.ts";
import { ENGINE_NAMES, type ResolvedSettings, type SettingKey } from "./settings.ts";
import { shellQuote } from "./shell-quote.ts";

/** `stack up`, an engine, flags with their values (`<less>` is one too), and what goes to the engine. */
const UP = new RegExp(
  String.raw`(?<![\w./-])stack up(?: (${ENGINE_NAMES.join("|")})\b)?((?: --[a-z][a-z-]*(?: (?!-)(?:<[^>]*>|[^\s,;()\x60]+))?)*)( -- [^\n]+)?`,
  "g",
);
/** Other commands about one stack. */
const NAMED = /(?<![\w./-])stack (restart|down|status|logs)\b(?! --name)/g;

/** Has the commands in a text mean this stack: they get its name, where it has one of its own. */
export function namingStack(text: string, name: string): string {
  if (name === "default") return text;
  const flag = ` --name ${name}`;
  return text
    .replaceAll(NAMED, (call) => `${call}${flag}`)
    .replaceAll(UP, (call: string, engine?: string, flags = "", rest = "") =>
      / --(name|help)\b/.test(flags) ? call : words("stack up", engine, flag, flags, rest),
    );
}

/**
 * Has the commands in a text mean the stack that was being brought up: `stack up --context 8192` becomes
 * `stack up llamacpp --name work --model hf:org/repo --memory 8g --context 8192 -- --mlock`. What the text says goes before what
 * was given, also of the engine's own arguments; what stands in files of settings is read again, and left out. For another
 * engine only the name is carried over.
 */
export function sameStack(text: string, settings: ResolvedSettings): string {
  const { engine, name } = settings.values;
  return namingStack(
    text.replaceAll(UP, (call: string, other?: string, flags = "", rest = "") => {
      if (/ --(name|help)\b/.test(flags) || (other !== undefined && other !== engine)) return call;
      const said = new Set([...flags.matchAll(/ --(?:no-)?([a-z-]+)/g)].map(([, flag]) => flag));
      const isGiven = settings.origins.engine.kind !== "default";
      const names = name === "default" ? "" : ` --name ${name}`;
      const args = mergeArguments(settings.values.engineArgs, rest.slice(" -- ".length));
      const own = args === "" ? "" : ` -- ${args}`;
      const engineWord = other ?? (isGiven ? engine : undefined);
      return words("stack up", engineWord, names, givenFlags(settings, said), flags, own);
    }),
    name,
  );
}

/** The model wherever it is from, and what was given to this command alone. */
function givenFlags(
  { values, origins }: ResolvedSettings,
  said: ReadonlySet<string | undefined>,
): string {
  const apart: readonly SettingKey[] = ["name", "engine", "engineArgs"];
  return SETTING_KEYS.filter((key) => !apart.includes(key) && !said.has(flagName(key)))
    .filter((key) => {
      const { kind } = origins[key];
      return kind === "flag" || kind === "environment" || (key === "model" && kind !== "default");
    })
    .map((key) => {
      const value = values[key];
      if (typeof value === "boolean") return ` --${value ? "" : "no-"}${flagName(key)}`;
      return ` --${flagName(key)} ${shellQuote(String(value))}`;
    })
    .join("");
}

function words(command: string, engine: string | undefined, ...rest: readonly string[]): string {
  return `${command}${engine === undefined ? "" : ` ${engine}`}${rest.join("")}`;
}
