import { stripVTControlCharacters } from "node:util";

/**
 * Aligned columns, two spaces apart, each as wide as its widest cell.
 * With `columns`, a line that would be longer is cut: a wrapped table can't be read.
 */
export function renderTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  columns: number | undefined,
): string {
  const lines = [header, ...rows].map((row) => row.map((cell) => oneLine(cell)));
  const widths = header.map((_, column) =>
    Math.max(...lines.map((line) => (line[column] ?? "").length)),
  );
  return lines
    .map((line) => {
      const cells = line.map((cell, column) => cell.padEnd(widths[column] ?? 0));
      return fit(cells.join("  ").trimEnd(), columns);
    })
    .join("\n");
}

/** Names in front, values aligned behind them. */
export function renderFields(fields: readonly (readonly [string, string])[]): string {
  const width = Math.max(...fields.map(([name]) => name.length));
  return fields.map(([name, value]) => `${name.padEnd(width)}  ${value}`.trimEnd()).join("\n");
}

/** Text from outside as one line without control characters: a terminal must not obey a model's name. */
export function oneLine(text: string): string {
  return printable(text).replaceAll(/\s+/g, " ");
}

/** Text from outside, its lines kept, escape sequences and other control characters removed. */
export function printable(text: string): string {
  return stripVTControlCharacters(text).replaceAll(/\p{Cc}/gu, (control) =>
    control === "\n" || control === "\t" ? control : "",
  );
}

/** Cuts a line without styles at a width; `…` shows that something is missing. */
export function fit(text: string, columns: number | undefined): string {
  if (columns === undefined || text.length <= columns) return text;
  return `${text.slice(0, Math.max(columns - 1, 1))}…`;
}
