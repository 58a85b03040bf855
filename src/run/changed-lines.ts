/** A line that goes or comes. */
export interface ChangedLine {
  readonly sign: "-" | "+";
  readonly text: string;
}

/** Minimal edits leave most lines alone: what is not in the other text, in order. */
export function changedLines(before: string, after: string): readonly ChangedLine[] {
  const old = before.split(/\r?\n/);
  const fresh = after.split(/\r?\n/);
  return [
    ...surplus(old, fresh).map((text) => ({ sign: "-" as const, text })),
    ...surplus(fresh, old).map((text) => ({ sign: "+" as const, text })),
  ];
}

function surplus(lines: readonly string[], others: readonly string[]): readonly string[] {
  const left = new Map<string, number>();
  for (const line of others) left.set(line, (left.get(line) ?? 0) + 1);
  return lines.filter((line) => {
    const count = left.get(line) ?? 0;
    left.set(line, count - 1);
    return count <= 0 && line !== "";
  });
}
