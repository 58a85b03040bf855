import type { Endpoint } from "../endpoint.ts";

/** A client whose configuration we emit. Pure: endpoint in, data out. */
export interface Agent {
  readonly name: string;
  readonly title: string;
  /** One sentence for `stack agents`. */
  readonly summary: string;
  /** Fewest tokens of context with which it can work; below it `config` warns. Source in the docs page. */
  readonly minimumContext: number;
  /** Whether it sends `tools` in every request. */
  readonly needsTools: boolean;
  readonly emit: (input: EmitInput) => AgentConfig;
}

export interface EmitInput {
  readonly endpoint: Endpoint;
  readonly home: string;
  /** `$XDG_CONFIG_HOME`, or its default. */
  readonly configHome: string;
  /** Folder of ours for files that the agent reads only because a variable points there. */
  readonly supportDir: string;
  /** Where the command runs: the user's project. */
  readonly cwd: string;
}

/** What makes the agent use the endpoint and stay quiet: environment variables and files. */
export interface AgentConfig {
  readonly env: Readonly<Record<string, string>>;
  /** Variables that name folders to search, put in front of what the user's already name. */
  readonly searchPaths: Readonly<Record<string, string>>;
  readonly files: readonly AgentFile[];
  /** How to start it, for people. */
  readonly run: string;
  readonly notes: readonly string[];
}

type FileFormat = "json" | "yaml" | "dotenv" | "text";

export interface AgentFile {
  /** Absolute path where the agent looks for it. */
  readonly path: string;
  readonly format: FileFormat;
  /** What to set; everything else in the file stays as it is. */
  readonly edits: readonly Edit[];
  /** Places of the key in it, each set by an edit. With one, the file is written with mode 0600, and changes are shown without it. */
  readonly secrets: readonly (readonly PathSegment[])[];
  /** Variable that makes the agent read another file instead: `env` points it to a copy of ours. */
  readonly variable?: string;
  /** `ours`: only we read or write it, so `env` makes it too. `theirs`: only `config --write` touches it. */
  readonly owner: "ours" | "theirs";
  /** Refuse to write where it is not there, because it belongs to a checkout; says what to do. */
  readonly mustExist?: string | undefined;
}

/** One value to set. An object is merged key by key, anything else replaces what is there. */
export interface Edit {
  /** Empty for the whole of a `text` file. */
  readonly path: readonly PathSegment[];
  readonly value: unknown;
}

/** A key, or (YAML) the first element of a list whose `key` equals `equals`; it is added when there is none. */
export type PathSegment = string | ListMatch;

interface ListMatch {
  readonly key: string;
  readonly equals: string;
}
