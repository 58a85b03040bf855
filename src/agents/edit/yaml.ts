import {
  isAlias,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  parseDocument,
  type Document,
  type ParsedNode,
} from "yaml";
import type { Edit, PathSegment } from "../agent.ts";
import { brokenFile, edited, isObject, sameData, uneditable } from "./document.ts";
import { addItem, addLines, columnOf, replaceValue, type Splice } from "./yaml-splice.ts";

const STRANGE = "it uses aliases, tags or a layout that cannot be changed safely";

/**
 * Sets values in a YAML text by cutting into it; all else stays byte for byte, comments and style included.
 * The result is parsed again and compared with what was meant, so an unusual file is refused, never damaged.
 * A broken text is `USAGE` with line and column.
 */
export function editYaml(text: string, edits: readonly Edit[]): string {
  const before = parseOrFail(text);
  const after = edits.reduce(applyEdit, text);
  const meant = edited(toData(before) ?? {}, edits);
  const [first] = edits;
  const document = parseDocument(after);
  if (document.errors.length > 0 || !sameData(toData(document), meant)) {
    throw uneditable(first?.path ?? [], STRANGE);
  }
  return after;
}

/** One cut at a time, each on a fresh parse, until the text says what the edit wants. */
function applyEdit(text: string, edit: Edit): string {
  let current = text;
  // Every cut settles at least one key; more cuts than keys would mean that one has no effect.
  for (let cuts = 0; cuts < 1000; cuts++) {
    const document = cuts === 0 ? parseOrFail(current) : parseDocument(current);
    if (document.errors.length > 0) break;
    const cut = nextCut(current, document, edit);
    if (cut === undefined) return current;
    current = current.slice(0, cut.from) + cut.text + current.slice(cut.to);
  }
  throw uneditable(edit.path, STRANGE);
}

function nextCut(text: string, document: Document.Parsed, edit: Edit): Splice | undefined {
  const root: ParsedNode | null = document.contents;
  if (root === null || (isScalar(root) && root.value === null)) {
    return addLines(text, text.length, 0, edited(undefined, [edit]));
  }
  return cutAt(text, root, edit.path, edit.value, 0);
}

/** `column` is where the keys of the map around `node` begin. */
function cutAt(
  text: string,
  node: ParsedNode,
  path: readonly PathSegment[],
  value: unknown,
  column: number,
): Splice | undefined {
  const [segment, ...rest] = path;
  if (isAlias(node)) throw uneditable(path, STRANGE);
  if (segment === undefined) {
    if (!isObject(value) || !isMap(node) || Object.keys(value).length === 0) {
      return sameData(toData(node), value) ? undefined : replaceValue(text, node, value, column);
    }
    for (const [key, inner] of Object.entries(value)) {
      const cut = cutAt(text, node, [key], inner, column);
      if (cut !== undefined) return cut;
    }
    return undefined;
  }
  const whole = edited(undefined, [{ path, value }]);
  if (typeof segment === "string") {
    if (!isMap(node)) return replaceValue(text, node, whole, column);
    const pair = node.items.find((item) => isScalar(item.key) && item.key.value === segment);
    if (pair === undefined) return addItem(text, node, whole);
    if (pair.value === null) throw uneditable(path, STRANGE);
    return cutAt(text, pair.value, rest, value, columnOf(text, pair.key.range[0]));
  }
  if (!isSeq(node)) return replaceValue(text, node, whole, column);
  const element = node.items.find((item) => {
    const data = toData(item);
    return isObject(data) && data[segment.key] === segment.equals;
  });
  if (element === undefined) return addItem(text, node, whole);
  return cutAt(text, element, rest, value, column);
}

function toData(node: Document.Parsed | ParsedNode): unknown {
  return node.toJSON() as unknown;
}

function parseOrFail(text: string): Document.Parsed {
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error !== undefined) {
    const [at] = error.linePos ?? [];
    const why = error.message.split(" at line ")[0] ?? error.message;
    throw brokenFile("YAML", { line: at?.line ?? 1, column: at?.col ?? 1 }, why);
  }
  const root: ParsedNode | null = document.contents;
  const empty = root === null || (isScalar(root) && root.value === null);
  if (!empty && !(isCollection(root) && isMap(root))) {
    throw brokenFile("YAML for settings", { line: 1, column: 1 }, "a map belongs here");
  }
  return document;
}
