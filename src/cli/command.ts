import type { SettingKey, ResolvedSettings } from "../plan/settings.ts";
import type { ResumeFor } from "../run/load-settings.ts";
import type { RunContext } from "../run-context.ts";
import type { Style } from "./output/style.ts";

/** One command as data. Parsing, help, completion and `docs/commands.md` all derive from it. */
export interface Command<Flags extends FlagSpecs = FlagSpecs, Result = unknown> {
  /** More than the summary of the registry: what a user should know before running it. */
  readonly description?: string;
  readonly args: readonly ArgumentSpec[];
  readonly flags: Flags;
  /** The flag that is meant by whoever writes a word where none is taken: `stack status work`. */
  readonly wordMeans?: string;
  /** Settings that have a flag here. `name` and `timeout` have one everywhere; only a command that lists `timeout` keeps it itself. */
  readonly settings: readonly SettingKey[];
  /** True when what follows `--` goes to the engine; else it is read as arguments. */
  readonly passthrough?: boolean;
  /** Command lines that work, each with what it does. */
  readonly examples: readonly Example[];
  /** Long work: `--json` prints events as NDJSON, and the result as the last line. */
  readonly streams?: boolean;
  readonly run: (call: Call<Flags>) => Promise<Result>;
  /** The result for programs, where it is not the result itself. */
  readonly json?: (result: Result, look: Look) => unknown;
  /** The result for people: data, so it goes to stdout. Empty prints nothing. */
  readonly text: (result: Result, look: Look) => string;
  /** What a person could do next; goes to stderr, and nowhere under `--json` or `-q`. */
  readonly hints?: (result: Result, look: Look) => readonly string[];
  /** Exit status of a result that is no error, 0 unless given. */
  readonly exitCode?: (result: Result) => number;
}

interface Example {
  readonly command: string;
  readonly what: string;
}

/** Where words of a completion come from. `run` says how each is found, cheaply. */
export type CompletionSource = "agents" | "engines" | "stacks" | "models" | "images" | "shells";

export interface ArgumentSpec {
  readonly name: string;
  readonly summary: string;
  readonly required: boolean;
  /** Takes all that follow; only the last argument may. */
  readonly variadic?: boolean;
  readonly complete?: CompletionSource;
  readonly choices?: readonly string[];
  /** The argument is another way of writing this setting's flag. */
  readonly setting?: SettingKey;
}

interface FlagBase {
  readonly summary: string;
  /** One letter. */
  readonly short?: string;
  readonly complete?: CompletionSource;
}
interface BooleanFlag extends FlagBase {
  readonly kind: "boolean";
}
interface TextFlag extends FlagBase {
  readonly kind: "text";
  /** What help shows in place of the value. */
  readonly placeholder: string;
  readonly choices?: readonly string[];
}
interface IntegerFlag extends FlagBase {
  readonly kind: "integer";
  readonly placeholder: string;
  readonly minimum: number;
}
/** May be given several times, and holds commas: all are one list. */
interface ListFlag extends FlagBase {
  readonly kind: "list";
  readonly placeholder: string;
}
export type FlagSpec = BooleanFlag | TextFlag | IntegerFlag | ListFlag;
/** By name, without dashes, in kebab-case. */
export type FlagSpecs = Readonly<Record<string, FlagSpec>>;

export type FlagValue = boolean | string | number | readonly string[];
type ValueOf<Spec extends FlagSpec> = Spec extends BooleanFlag
  ? boolean
  : Spec extends IntegerFlag
    ? number
    : Spec extends ListFlag
      ? readonly string[]
      : string;
/** What was given; a flag that was not is absent. */
type FlagValues<Flags extends FlagSpecs> = {
  readonly [Name in keyof Flags]?: ValueOf<Flags[Name]>;
};

/** What a handler is given. */
export interface Call<Flags extends FlagSpecs = FlagSpecs> {
  readonly args: readonly string[];
  readonly flags: FlagValues<Flags>;
  readonly dryRun: boolean;
  readonly context: RunContext;
  readonly look: Look;
  /** Reads the files of settings at each call. */
  readonly settings: (resumeFor?: ResumeFor) => Promise<ResolvedSettings>;
  /** Part of the result, ahead of its end: a line of text, or one object of NDJSON. */
  readonly data: (item: Readonly<Record<string, unknown>>, text: string) => void;
  /** A question on the terminal; undefined where nobody can answer. */
  readonly confirm: (question: string) => Promise<boolean | undefined>;
}

/** How text is made: the caller's way of writing `stack`, colours, and columns. */
export interface Look {
  readonly style: Style;
  /** `pnpm stack`, `npx -y pnpm@12 stack`, `stack`, …: what to paste in front of a command. */
  readonly stack: string;
  /** The same without the package manager's chatter, for `$(…)`. */
  readonly quietStack: string;
  /** Width of the terminal; undefined when stdout is none, and nothing is cut. */
  readonly columns: number | undefined;
}

/** Keeps a command's own types inside it: the registry holds commands of every shape. */
export function defineCommand<const Flags extends FlagSpecs, Result>(
  command: Command<Flags, Result>,
): Command {
  return command as unknown as Command;
}
