import type { Edit } from "../agent.ts";
import { brokenFile, lineEnding, uneditable } from "./document.ts";

interface Assignment {
  readonly name: string;
  readonly value: string;
  /** Offsets of the value with its quotes. */
  readonly from: number;
  readonly to: number;
}

const ASSIGNMENT = /^[ \t]*(?:export[ \t]+)?([A-Za-z_][\w.-]*)[ \t]*=[ \t]*/;

/**
 * Sets variables in a `.env` text; comments, order and other variables stay byte for byte.
 * A quote that is not closed is `USAGE` with line and column.
 */
export function editDotenv(text: string, edits: readonly Edit[]): string {
  return edits.reduce((current, edit) => {
    const [name, ...rest] = edit.path;
    if (typeof name !== "string" || rest.length > 0 || typeof edit.value !== "string") {
      throw uneditable(edit.path, "a variable has a name and a text");
    }
    return setVariable(current, name, edit.value);
  }, text);
}

/** Variables as programs that read the file see them: the last one of a name wins. */
export function parseDotenv(text: string): Record<string, string> {
  return Object.fromEntries(assignments(text).map(({ name, value }) => [name, value]));
}

function setVariable(text: string, name: string, value: string): string {
  const existing = assignments(text).findLast((assignment) => assignment.name === name);
  if (existing !== undefined) {
    if (existing.value === value) return text;
    return text.slice(0, existing.from) + quote(value) + text.slice(existing.to);
  }
  const eol = lineEnding(text);
  const gap = text === "" || text.endsWith("\n") ? "" : eol;
  return `${text}${gap}${name}=${quote(value)}${eol}`;
}

/** Bare where that is safe; single quotes take all but themselves; double quotes with escapes take the rest. */
function quote(value: string): string {
  if (/^[\w./:@%+-]+$/.test(value)) return value;
  if (!/['\n\r\\]/.test(value)) return `'${value}'`;
  const escaped = value
    .replaceAll("\\", "\\\\")
    .replaceAll('"', '\\"')
    .replaceAll("\n", "\\n")
    .replaceAll("\r", "\\r");
  return `"${escaped}"`;
}

function assignments(text: string): readonly Assignment[] {
  const found: Assignment[] = [];
  let offset = 0;
  let line = 1;
  while (offset < text.length) {
    const start = offset;
    const match = ASSIGNMENT.exec(rest(text, offset));
    if (match?.[1] !== undefined) {
      const from = offset + match[0].length;
      const { value, to } = readValue(text, from, line, start);
      found.push({ name: match[1], value, from, to });
      offset = to;
    }
    const lineEnd = text.indexOf("\n", offset);
    offset = lineEnd === -1 ? text.length : lineEnd + 1;
    line += text.slice(start, offset).split("\n").length - 1;
  }
  return found;
}

/** The text of the current line, so that no pattern runs on into the next. */
function rest(text: string, offset: number): string {
  const end = text.indexOf("\n", offset);
  return text.slice(offset, end === -1 ? text.length : end);
}

function readValue(
  text: string,
  from: number,
  line: number,
  lineStart: number,
): { readonly value: string; readonly to: number } {
  const mark = text[from];
  if (mark === '"' || mark === "'") {
    const closing = mark === '"' ? /^"((?:[^"\\]|\\[\s\S])*)"/ : /^'([^']*)'/;
    const match = closing.exec(text.slice(from));
    if (match?.[1] === undefined) {
      throw brokenFile(".env", { line, column: from - lineStart + 1 }, "a quote is not closed");
    }
    return {
      value: mark === '"' ? unescape(match[1]) : match[1],
      to: from + match[0].length,
    };
  }
  // A comment needs a blank in front of its mark.
  const bare = rest(text, from)
    .replace(/(?:^|[ \t])#.*$/, "")
    .trimEnd();
  return { value: bare, to: from + bare.length };
}

function unescape(text: string): string {
  return text.replaceAll(/\\([\s\S])/g, (_, char: string) => {
    if (char === "n") return "\n";
    if (char === "r") return "\r";
    return char === '"' || char === "\\" ? char : `\\${char}`;
  });
}
