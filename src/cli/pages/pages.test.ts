import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { PAGES } from "./index.ts";

test.each(Object.entries(PAGES))("docs/%s is what `pnpm run docs` writes", async (name, make) => {
  const written = await readFile(new URL(`../../../docs/${name}`, import.meta.url), "utf8");
  expect(written).toBe(await make());
});
