#!/usr/bin/env node
// `pnpm run docs`: writes the pages of docs/ that are made from code.
import { fs } from "zx";
import { PAGES } from "../src/cli/pages/index.ts";

for (const [name, make] of Object.entries(PAGES)) {
  const text = await make();
  await fs.writeFile(new URL(`../docs/${name}`, import.meta.url), text);
  console.log(`docs/${name}`);
}
