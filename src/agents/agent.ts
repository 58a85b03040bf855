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
}

/** What makes the agent use the endpoint and stay quiet: environment variables and files. */
export interface AgentConfig {
  readonly env: Readonly<Record<string, string>>;
  readonly files: readonly AgentFile[];
  /** How to start it, for people. */
  readonly run: string;
  readonly notes: readonly string[];
}

export interface AgentFile {
  /** Absolute path where the agent looks for it. */
  readonly path: string;
  readonly format: "json" | "jsonc" | "yaml" | "toml" | "dotenv" | "text";
  /** Keys to set, as a path each; everything else in the file stays as it is. */
  readonly edits: readonly Edit[];
  /** True when it holds the key: written with mode 0600. */
  readonly secret: boolean;
}

export interface Edit {
  readonly path: readonly (string | number)[];
  readonly value: unknown;
}
