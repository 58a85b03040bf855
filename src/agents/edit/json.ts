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
  const after: unknown = parse(current, [], PARSE);
  // A key that is there twice is the case: readers take the last, an edit finds the first.
  const wrong = edits.find((edit) => !sameData(edited(after, [edit]), after));
  if (wrong !== undefined) throw uneditable(wrong.path, "the key is there twice");
  if (!sameData(edited(before, edits), after)) throw uneditable([], "it would change other keys");
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
  return applyEdits(text, modify(text, path.slice(0, depth), value, { formattingOptions }));
}

/** Where a parent is not an object (null, a number), the parent itself is replaced. */
function reachable(
  root: Node,
  path: readonly string[],
  value: unknown,
): { readonly depth: number; readonly value: unknown } {
  for (let depth = 1; depth < path.length; depth++) {
    const node = findNodeAtLocation(root, path.slice(0, depth));
    if (node !== undefined && node.type !== "object") {
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
