import { StackError } from "../../errors.ts";
import type { Edit, PathSegment } from "../agent.ts";

/** How a file ends its lines; the one that its first line ends with. */
export function lineEnding(text: string): "\n" | "\r\n" {
  return /\r?\n/.exec(text)?.[0] === "\r\n" ? "\r\n" : "\n";
}

/** Line and column (from 1) of an offset. */
export function position(
  text: string,
  offset: number,
): { readonly line: number; readonly column: number } {
  const before = text.slice(0, offset);
  const lastBreak = before.lastIndexOf("\n");
  return { line: before.split("\n").length, column: offset - lastBreak };
}

/** The error for a file that is not what its name says. Nothing has been changed. */
export function brokenFile(
  format: string,
  at: { readonly line: number; readonly column: number },
  why: string,
): StackError {
  return new StackError("USAGE", {
    what: `The file is not valid ${format}: line ${at.line}, column ${at.column}: ${why}.`,
    why: "Nothing was changed.",
    next: "Repair the file, or move it away, and run the command again.",
  });
}

/** The error for a file that is valid and still can't be changed without guessing. */
export function uneditable(path: readonly PathSegment[], why: string): StackError {
  return new StackError("USAGE", {
    what: `${describePath(path)} cannot be set in this file: ${why}.`,
    why: "Nothing was changed.",
    next: "Edit the file by hand; the same command without --write shows what belongs in it.",
  });
}

export function describePath(path: readonly PathSegment[]): string {
  return path
    .map((segment) =>
      typeof segment === "string" ? segment : `[${segment.key}=${segment.equals}]`,
    )
    .join(".");
}

/** Objects become one edit per key, so that unknown keys beside them stay. Empty ones are values. */
export function leaves(edits: readonly Edit[]): readonly Edit[] {
  return edits.flatMap((edit) => {
    if (!isObject(edit.value) || Object.keys(edit.value).length === 0) return [edit];
    return leaves(
      Object.entries(edit.value).map(([key, value]) => ({ path: [...edit.path, key], value })),
    );
  });
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What a file's data is after the edits, as a value: what every editor is checked against. */
export function edited(model: unknown, edits: readonly Edit[]): unknown {
  return leaves(edits).reduce((data, edit) => set(data, edit.path, edit.value), model);
}

function set(data: unknown, path: readonly PathSegment[], value: unknown): unknown {
  const [segment, ...rest] = path;
  if (segment === undefined) return value;
  if (typeof segment === "string") {
    const object = isObject(data) ? data : {};
    const previous = Object.hasOwn(object, segment) ? object[segment] : undefined;
    return Object.fromEntries([
      ...Object.entries(object).filter(([key]) => key !== segment),
      [segment, set(previous, rest, value)],
    ]);
  }
  const list: readonly unknown[] = Array.isArray(data) ? data : [];
  const index = list.findIndex((item) => isObject(item) && item[segment.key] === segment.equals);
  if (index === -1) return [...list, set({ [segment.key]: segment.equals }, rest, value)];
  return list.map((item, at) => (at === index ? set(item, rest, value) : item));
}

/** What stands at a place, undefined where there is none. */
export function valueAt(data: unknown, path: readonly PathSegment[]): unknown {
  return path.reduce<unknown>((at, segment) => {
    if (typeof segment === "string") {
      return isObject(at) && Object.hasOwn(at, segment) ? at[segment] : undefined;
    }
    const list: readonly unknown[] = Array.isArray(at) ? at : [];
    return list.find((item) => isObject(item) && item[segment.key] === segment.equals);
  }, data);
}

/** Equality of data: order of keys does not count. */
export function sameData(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => sameData(item, b[index]));
  }
  if (isObject(a) && isObject(b)) {
    const keys = Object.keys(a);
    return (
      keys.length === Object.keys(b).length &&
      keys.every((key) => Object.hasOwn(b, key) && sameData(a[key], b[key]))
    );
  }
  return Object.is(a, b);
}
