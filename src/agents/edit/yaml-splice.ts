import {
  isCollection,
  isScalar,
  stringify,
  type ParsedNode,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";
import { isObject, lineEnding } from "./document.ts";

/** Replace `from`…`to` of a text by another. */
export interface Splice {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

type Collection = YAMLMap.Parsed | YAMLSeq.Parsed;

/** Adds `item` (a map or list of one) to a collection that is there: as lines of a block, or inside the brackets. */
export function addItem(text: string, collection: Collection, item: unknown): Splice {
  if (collection.flow === true) {
    const closing = collection.range[1] - 1;
    const before = text.slice(0, closing).trimEnd();
    const separator = /[[{,]$/.test(before) ? "" : ", ";
    return { from: before.length, to: before.length, text: separator + inFlow(item).slice(1, -1) };
  }
  return addLines(text, endOf(collection), columnOf(text, collection.range[0]), item);
}

/** Adds `value` as lines below the one that `offset` is on. */
export function addLines(text: string, offset: number, column: number, value: unknown): Splice {
  const eol = lineEnding(text);
  const lineEnd = text.indexOf("\n", offset);
  const atLineStart = offset === 0 || text[offset - 1] === "\n";
  const at = atLineStart ? offset : lineEnd === -1 ? text.length : lineEnd + 1;
  const before = at > 0 && text[at - 1] !== "\n" ? eol : "";
  // A file without a final newline keeps it so.
  const after = before === "" ? eol : "";
  return { from: at, to: at, text: before + block(value, column, eol) + after };
}

/** Puts `value` in place of a node. `column` is where the keys of the map around it begin. */
export function replaceValue(
  text: string,
  node: ParsedNode,
  value: unknown,
  column: number,
): Splice {
  const [from] = node.range;
  const empty = from === node.range[1];
  if (empty && (isObject(value) || Array.isArray(value))) {
    return addLines(text, from, column + 2, value);
  }
  const to = endOf(node);
  const tail = text.slice(from, to).endsWith("\n") ? lineEnding(text) : "";
  return { from, to, text: gapBefore(text, node, column) + inline(node, value) + tail };
}

/** A value needs a blank after its colon, and one on a line of its own must be further in than its key. */
function gapBefore(text: string, node: ParsedNode, column: number): string {
  const [from, to] = node.range;
  if (from === to && !/\s$/.test(text.slice(0, from))) return " ";
  const at = columnOf(text, from);
  const ownLine = text.slice(from - at, from).trim() === "";
  return ownLine && at <= column ? " ".repeat(column + 2 - at) : "";
}

/** Where the last thing in a node ends: a block's own range reaches over the comments that follow. */
function endOf(node: ParsedNode): number {
  if (!isCollection(node) || node.flow === true) return node.range[1];
  const last = node.items.at(-1);
  if (last === undefined) return node.range[1];
  if (!("key" in last)) return endOf(last);
  return last.value === null ? last.key.range[1] : endOf(last.value);
}

/** Distance of `offset` from the start of its line. */
export function columnOf(text: string, offset: number): number {
  return offset - (text.lastIndexOf("\n", offset - 1) + 1);
}

function block(value: unknown, column: number, eol: string): string {
  return stringify(value, { lineWidth: 0 })
    .trimEnd()
    .split("\n")
    .map((line) => (line === "" ? line : " ".repeat(column) + line))
    .join(eol);
}

/** One line that is right wherever a value may stand; bare where the old value was bare. */
function inline(node: ParsedNode, value: unknown): string {
  const bare = isScalar(node) && (node.type === "PLAIN" || node.type === undefined);
  if (bare && typeof value !== "object") {
    const text = stringify(value, { lineWidth: 0 }).trimEnd();
    if (/^[\w./:@+-]+$/.test(text)) return text;
  }
  return inFlow(value);
}

/** JSON is YAML 1.2, with spaces for people. */
function inFlow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => inFlow(item)).join(", ")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const pairs = Object.entries(value).map(
    ([key, inner]) => `${/^[A-Za-z_]\w*$/.test(key) ? key : JSON.stringify(key)}: ${inFlow(inner)}`,
  );
  return `{${pairs.join(", ")}}`;
}
