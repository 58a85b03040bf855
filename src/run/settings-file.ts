import { StackError } from "../errors.ts";

export interface FileSetting {
  readonly key: string;
  readonly value: unknown;
  /** 1 is the first. */
  readonly line: number;
}

/**
 * The top-level pairs of a YAML file, each with its line. What is no YAML, or no map, is `USAGE` with the line.
 * `"foreign"`: a `stack.yaml` of Haskell's build tool, which has the same name.
 */
export async function parseSettingsFile(
  file: string,
  text: string,
): Promise<readonly FileSetting[] | "foreign"> {
  const { isMap, isScalar, LineCounter, parseDocument } = await import("yaml");
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const lineOf = (offset: number | undefined): number => lines.linePos(offset ?? 0).line;
  const [error] = document.errors;
  if (error !== undefined) {
    throw invalid(`${file}:${lineOf(error.pos[0])} is not YAML.`, error.message);
  }
  const { contents } = document;
  if (contents === null || (isScalar(contents) && contents.value === null)) return [];
  if (!isMap(contents)) throw invalid(`${file}: settings are \`key: value\` pairs, one a line.`);
  const plain = toPlain(file, () => document.toJS() as Readonly<Record<string, unknown>>);
  if ("resolver" in plain || "snapshot" in plain) return "foreign";
  return contents.items.map(({ key }) => {
    const name = isScalar(key) ? String(key.value) : String(key);
    return {
      key: name,
      value: Object.hasOwn(plain, name) ? plain[name] : undefined,
      line: lineOf(isScalar(key) ? key.range?.[0] : undefined),
    };
  });
}

/** Aliases are expanded here, and a file of them that explodes is refused. */
function toPlain<T>(file: string, convert: () => T): T {
  try {
    return convert();
  } catch (error) {
    throw invalid(`${file} cannot be used.`, error instanceof Error ? error.message : undefined);
  }
}

function invalid(what: string, why?: string): StackError {
  return new StackError("USAGE", { what, why, next: "correct the file, or move it away" });
}
