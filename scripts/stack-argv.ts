import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const ROOT = new URL("..", import.meta.url);

/** What `pnpm stack` gives to Node, with absolute paths: benchmarks measure what users run. */
export const STACK_ARGV: readonly string[] = (
  JSON.parse(readFileSync(new URL("package.json", ROOT), "utf8")) as { scripts: { stack: string } }
).scripts.stack
  .split(" ")
  .slice(1)
  .map((word) => (word.includes("/") ? fileURLToPath(new URL(word, ROOT)) : word));
