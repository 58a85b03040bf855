import {
  applyEdits,
  findNodeAtLocation,
  getNodeValue,
  modify,
  parse,
  parseTree,
  printParseErrorCode,
  type FormattingOptions,
  type Node,
  type ParseError,
} from "jsonc-parser";
import type { Edit } from "../agent.ts";
import {
  brokenFile,
  edited,
  isObject,
  leaves,
  lineEnding,
  position,
  sameData,
  uneditable,
} from "./document.ts";

const PARSE = { allowTrailingComma: true, disallowComments: false } as const;

/**
 * Sets values in a JSON text (comments and trailing commas allowed); all else stays byte for byte.
 * An empty text counts as `{}`. A broken text is `USAGE` with line and column.
 */
export function editJson(text: string, edits: readonly Edit[]): string {
  const mark = text.startsWith("\uFEFF") ? "\uFEFF" : "";
  const original = text.slice(mark.length);
  let current = original.trim() === "" ? `{}${lineEnding(original)}` : original;
  const before: unknown = getNodeValue(parseOrFail(current));
  const formattingOptions = formatting(current);
  for (const edit of leaves(edits)) current = editLeaf(current, edit, formattingOptions);
  // Readers take the last of two equal keys, an edit finds the first.
  const after: unknown = parse(current, [], PARSE);
  const [first] = edits;
  if (!sameData(edited(before, edits), after)) {
    throw uneditable(first?.path ?? [], "a key is there twice");
  }
  return mark + current;
}

function editLeaf(text: string, edit: Edit, formattingOptions: FormattingOptions): string {
  const path = edit.path.map((segment) => {
    if (typeof segment !== "string") throw uneditable(edit.path, "it names a place in a list");
    return segment;
  });
  const root = parseOrFail(text);
  const node = findNodeAtLocation(root, path);
  if (node !== undefined && sameData(getNodeValue(node), edit.value)) return text;
  const { depth, value } = reachable(root, path, edit.value);
  const parent = findNodeAtLocation(root, path.slice(0, depth - 1));
  const last = parent?.children?.at(-1);
  const key = path[depth - 1];
  if (parent !== undefined && last !== undefined && key !== undefined) {
    const there = findNodeAtLocation(root, path.slice(0, depth)) !== undefined;
    const end = parent.offset + parent.length - 1;
    const gap = text.slice(last.offset + last.length, end);
    if (!there && gap.includes("\n")) {
      return appendLine(text, { last, gap, end }, { key, value }, formattingOptions);
    }
  }
  return applyEdits(text, modify(text, path.slice(0, depth), value, { formattingOptions }));
}

/** Below the last property and the comments that go with it, where `modify` would come between the two. */
function appendLine(
  text: string,
  place: { readonly last: Node; readonly gap: string; readonly end: number },
  property: { readonly key: string; readonly value: unknown },
  { insertSpaces, tabSize, eol }: FormattingOptions,
): string {
  const { last, gap, end } = place;
  const lineStart = text.lastIndexOf("\n", last.offset - 1) + 1;
  const indent = /^[ \t]*/.exec(text.slice(lineStart, last.offset))?.[0] ?? "";
  const unit = insertSpaces === true ? " ".repeat(tabSize ?? 2) : "\t";
  const lines = JSON.stringify({ [property.key]: property.value }, undefined, unit)
    .split("\n")
    .slice(1, -1)
    .map((line) => indent + line.slice(unit.length));
  const valueEnd = last.offset + last.length;
  const kept = gap.trimEnd();
  const comma = /^(?:\s|\/\/.*|\/\*[\s\S]*?\*\/)*,/.test(gap) ? "" : ",";
  const added = [kept, ...lines].join(eol ?? "\n");
  return text.slice(0, valueEnd) + comma + added + gap.slice(kept.length) + text.slice(end);
}

/** Where a parent is missing or not an object (null, a number), it is set itself, with the value inside. */
function reachable(
  root: Node,
  path: readonly string[],
  value: unknown,
): { readonly depth: number; readonly value: unknown } {
  for (let depth = 1; depth < path.length; depth++) {
    const node = findNodeAtLocation(root, path.slice(0, depth));
    if (node?.type !== "object") {
      return { depth, value: edited(undefined, [{ path: path.slice(depth), value }]) };
    }
  }
  return { depth: path.length, value };
}

function parseOrFail(text: string): Node {
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, PARSE);
  const [first] = errors;
  if (first !== undefined) {
    const why = words(printParseErrorCode(first.error));
    throw brokenFile("JSON", position(text, first.offset), why);
  }
  if (root?.type !== "object" || !isObject(getNodeValue(root))) {
    throw brokenFile(
      "JSON for settings",
      position(text, root?.offset ?? 0),
      "an object belongs here",
    );
  }
  return root;
}

/** `CommaExpected` → `comma expected`. */
function words(code: string): string {
  return code.replaceAll(/(?<=[a-z])(?=[A-Z])/g, " ").toLowerCase();
}

/** The file's own style: its first indented line tells. */
function formatting(text: string): FormattingOptions {
  const indent = /\n([ \t]+)\S/.exec(text)?.[1] ?? "  ";
  return {
    insertSpaces: !indent.startsWith("\t"),
    tabSize: indent.startsWith("\t") ? 1 : indent.length,
    eol: lineEnding(text),
    insertFinalNewline: false,
  };
}
