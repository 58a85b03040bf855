/** Follows JSON text that arrives in pieces and notices where its first value, an object or a list, is complete. */
export interface JsonScanner {
  /** Feeds the next characters; returns how many of them belong to the value once it is complete, else undefined. */
  push(text: string): number | undefined;
}

export function jsonScanner(): JsonScanner {
  let depth = 0;
  let inString = false;
  let escaped = false;
  return {
    push(text) {
      for (let i = 0; i < text.length; i += 1) {
        const char = text[i];
        if (inString) {
          if (escaped) escaped = false;
          else if (char === "\\") escaped = true;
          else if (char === '"') inString = false;
        } else if (char === '"') inString = true;
        else if (char === "{" || char === "[") depth += 1;
        else if (char === "}" || char === "]") {
          depth -= 1;
          if (depth <= 0) return i + 1;
        }
      }
      return undefined;
    },
  };
}

/** Index after the JSON object or list that begins at `start`; undefined when it is not closed. */
export function endOfJson(text: string, start: number): number | undefined {
  const length = jsonScanner().push(text.slice(start));
  return length === undefined ? undefined : start + length;
}
